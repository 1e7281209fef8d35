"""What a batch has done, as the entries of its journal block: commands with the facts that they were decided on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from common import codec
from market.engine.facts import PlacementFacts
from matching.commands import Command
from matching.journal import JournalEntry

Journaled = tuple[int, Command, dict[str, Any]]
"""The sequence number, the auction's command, and what it was made of, by name."""


def journal_entries(at_micros: int, journaled: Sequence[Journaled]) -> tuple[JournalEntry, ...]:
    """The entries, all of one time."""
    shared: dict[int, Any] = {}
    return tuple(
        JournalEntry(sequence, at_micros, command, {name: _in_json(used, shared) for name, used in facts.items()})
        for sequence, command, facts in journaled
    )


def _in_json(used: Any, shared: dict[int, Any]) -> Any:
    """Many orders of a batch use the same instrument and node: `shared` keeps the JSON of facts, by identity."""
    if isinstance(used, tuple):
        return [_in_json(one, shared) for one in used]
    if not isinstance(used, PlacementFacts):
        return codec.to_json(used)
    told = {}
    for field in dataclasses.fields(used):
        fact = getattr(used, field.name)
        if id(fact) not in shared:
            shared[id(fact)] = codec.to_json(fact)
        told[field.name] = shared[id(fact)]
    return told
