"""What the traders were told, which the market is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from market.engine.commands import Answer, Command, PlaceGroup, Placement

Placed = Placement | PlaceGroup


@dataclass
class Notebook:
    """What the market has acknowledged. `heard` is called at every answer; `commanded` are contracts whose buyers have
    changed what they want of the guest, or may have; `ordered` has their rows as they were answered last."""

    heard: Callable[[Command, Answer], None]
    placed: dict[str, tuple[Placed, dict[str, Any]]] = field(default_factory=dict)
    commanded: set[str] = field(default_factory=set)
    ordered: dict[str, Mapping[Any, Any]] = field(default_factory=dict)
    is_open: bool = True
    answers: int = 0
    unknown: int = 0
