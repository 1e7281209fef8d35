"""What the traders were told, which the market is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from market.engine.commands import Answer, Command, Placement


@dataclass
class Notebook:
    """What the market has acknowledged. `heard` is called at every answer; `commanded` are contracts whose buyers have
    changed what they want of the guest."""

    heard: Callable[[Command, Answer], None]
    placed: dict[str, tuple[Placement, dict[str, Any]]] = field(default_factory=dict)
    commanded: set[str] = field(default_factory=set)
    is_open: bool = True
    answers: int = 0
    unknown: int = 0
