"""A state machine that is one table: it allows the rows it has and refuses everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import Conflict


@dataclass(frozen=True, slots=True)
class StateTable:
    """For each state of a `thing`, the states that may follow. A state without followers is terminal."""

    thing: str
    rows: Mapping[str, frozenset[str]]

    def allows(self, old: str, new: str) -> bool:
        """Whether the table has the row `old` -> `new`."""
        return new in self.rows[old]

    def check(self, old: str, new: str) -> None:
        """Raises Conflict (`state_forbids`) unless the table has the row."""
        if not self.allows(old, new):
            raise Conflict("state_forbids", f"a {self.thing} cannot go from {old} to {new}", field="state")

    def is_terminal(self, state: str) -> bool:
        """Whether nothing can follow."""
        return not self.rows[state]

    @property
    def terminal(self) -> frozenset[str]:
        """All states that nothing can follow."""
        return frozenset(state for state, following in self.rows.items() if not following)


def state_table(thing: str, text: str) -> StateTable:
    """A table from lines such as `open -> closing closed`; a state that never stands on the left is terminal."""
    rows: dict[str, frozenset[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        old, _, following = line.partition("->")
        rows[old.strip()] = frozenset(following.split())
    for state in frozenset().union(*rows.values()) - rows.keys():
        rows[state] = frozenset()
    return StateTable(thing, rows)
