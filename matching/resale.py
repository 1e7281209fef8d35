"""Asks that offer the rest of a contract: all of its slices, until just its end, to one guest.

They stand in the book like any other ask and trade by the same rule; what differs is where a window fits. So the rule
asks their profile, as it asks that of an ask that has traded, and knows nothing of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.commands import EnterAsk
from matching.orders import Ask
from matching.profile import EMPTY, Profile

if TYPE_CHECKING:
    from matching.book import BookSide


class WholeRest(Profile):
    """One stretch that trades as a whole: its end is fixed, and what lies before the start of a trade is its seller's
    to use."""

    __slots__ = ()

    def earliest_start(self, slices: int, duration: int, first: int, last: int) -> int | None:
        """The start from which the duration leads to the end, for all slices."""
        start = self.minutes[1] - duration
        fits = slices == self.highest and self.minutes[0] <= start
        return start if fits and first <= start <= last else None

    def take(self, slices: int, start: int, end: int) -> Profile:
        """Nothing is left of it."""
        return EMPTY


class ContractAsk(Ask):
    """An ask that is backed by a contract instead of a node."""

    __slots__ = ()

    def __init__(self, entry: EnterAsk, side: BookSide) -> None:
        super().__init__(entry, side)
        if entry.available_from < entry.available_until:
            self.steps = WholeRest((entry.available_from, entry.available_until), (entry.slices, 0))

    def set_profile(self, profile: Profile) -> None:
        """Replaces the remaining supply, by nothing, or by all of it."""
        super().set_profile(profile)
        self.steps = profile


def ask_of(entry: EnterAsk, side: BookSide) -> Ask:
    """The ask that the command enters."""
    return Ask(entry, side) if entry.contract is None else ContractAsk(entry, side)
