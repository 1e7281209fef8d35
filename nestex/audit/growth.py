"""Contracts that made a guest larger: whether they could, and that none of them outlives the contract of that guest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from market.engine.commands import PlaceBid, Placement
from matching.auditor.difference import Difference, require
from matching.journal import JournalEntry
from nestex.audit.contracts import Birth, Ending


class Growth:
    """Follows a shard's journal. The contracts that make a guest larger end before its main contract does, in the same
    batch, or run out with it."""

    def __init__(self) -> None:
        self._of: dict[str, set[str]] = defaultdict(set)

    def before(self, entry: JournalEntry, placements: Sequence[Placement], running: dict[str, Birth]) -> None:
        """Raises Difference when an order that is next lets a guest grow that it must not."""
        for bid in placements:
            if isinstance(bid, PlaceBid) and bid.grows is not None:
                main = running.get(bid.grows)
                if main is None or main.contract["grows"] is not None:
                    raise Difference(f"order {bid.order} is for contract {bid.grows}, which has no guest that runs")
                _check_wish(bid, main, entry.command.minute)

    def born(self, birth: Birth) -> None:
        """A contract that may let the guest of another one grow."""
        if birth.contract["grows"] is not None:
            self._of[birth.contract["grows"]].add(birth.id)

    def ended(self, ending: Ending, place: str) -> None:
        """Raises Difference, with the place in the journal, when a main contract ends and others of its guest run."""
        main = ending.born.contract["grows"]
        if main is not None:
            self._of[main].discard(ending.id)
            return
        for name in self._of.pop(ending.id, ()):
            raise Difference(f"{place}: {ending.id} ends, and {name}, which its guest delivers, does not")


def _check_wish(bid: PlaceBid, main: Birth, minute: int) -> None:
    """One guest, all or nothing, on the node of the main contract, from the next minute or its start until its end."""
    was = main.contract
    start = max(minute + 1, was["start_minute"])
    same = {
        "participant": was["buyer_id"],
        "instrument": was["instrument"],
        "guests": 1,
        "time_in_force": "fok",
        "nodes": (was["node_id"],),
        "start_from": start,
        "start_by": start,
        "duration_minutes": was["end_minute"] - start,
    }
    for name, value in same.items():
        given = getattr(bid, name)
        require(given == value, f"{name} of order {bid.order}, for contract {main.id}, is {given}, not {value}")
