"""What the engine bought by itself for contracts that failed: whether it could, what it asked for, and what came of it.

The order is audited like any other; here follows what ties it to the contract that it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence

from market.contract_states import FAILED
from market.engine.commands import PlaceBid, Placement
from matching.auditor.difference import Difference, require
from matching.auditor.holding import AskHolding
from matching.auditor.twin import Twin
from matching.commands import Free
from matching.journal import JournalEntry
from nestex.audit.contracts import Birth, Ending


class Replacements:
    """Follows a shard's journal: an order that replaces comes just before the end of its contract."""

    def __init__(self) -> None:
        self._asked: dict[str, str | None] = {}

    def before(
        self, entry: JournalEntry, placements: Sequence[Placement], running: dict[str, Birth], twin: Twin
    ) -> None:
        """Raises Difference when an entry that is next buys, or ends, what it must not. `twin` is as it was before."""
        command = entry.command
        for name in self._asked:
            ends = isinstance(command, Free) and command.contract == name
            require(ends, f"{name} was replaced and does not end with that")
        for bid in placements:
            if isinstance(bid, PlaceBid) and bid.replaces is not None:
                self._asks(bid, bid.replaces, command.minute, running, twin)

    def _asks(self, bid: PlaceBid, replaces: str, minute: int, running: dict[str, Birth], twin: Twin) -> None:
        old = running.get(replaces)
        if old is None:
            raise Difference(f"order {bid.order} replaces {replaces}, which is no contract that runs")
        asks = [holding for holding in twin.open if isinstance(holding, AskHolding)]
        of_nodes = [ask for ask in asks if ask.entry.contract is None]  # others fit hardly anybody
        prices = [ask.price_micros for ask in of_nodes if ask.entry.instrument == bid.instrument]
        _check_wish(bid, old, minute, min(prices, default=0))
        deliverer = _deliverer(old, running)
        require(deliverer in bid.avoid_providers, f"order {bid.order} takes the provider of the node of {old.id} again")
        self._asked[old.id] = None

    def born(self, birth: Birth) -> None:
        """A contract that may replace another one."""
        if birth.contract["replaces"] is not None:
            self._asked[birth.contract["replaces"]] = birth.id

    def ended(self, ending: Ending, place: str) -> None:
        """Raises Difference, with the place in the journal, when a contract's end does not tell what has come of its
        replacement."""
        asked = ending.id in self._asked
        by = self._asked.pop(ending.id, None)
        told, where = (ending.replaced_by, ending.not_replaced), f"{place}: {ending.id}"
        require(ending.replaced_by == by, f"{where} was replaced by {by}, its end says {ending.replaced_by}")
        require(told == (None, None) or ending.state == FAILED, f"{where} is {ending.state} and tells {told}")
        require(not asked or told != (None, None), f"{where} does not tell why it was not replaced")
        require(None in told, f"{where} was replaced by {by} and was not: {ending.not_replaced}")


def _deliverer(born: Birth, running: dict[str, Birth]) -> str:
    """Who provides the node of a contract, perhaps one that was resold: the provider of the first of its chain."""
    while (name := born.contract["resold_from"]) is not None:
        if name not in running:
            raise Difference(f"{born.id} is the rest of {name}, which does not run")
        born = running[name]
    return str(born.contract["provider_id"])


def _check_wish(bid: PlaceBid, old: Birth, minute: int, cheapest: int) -> None:
    """One guest of the same size for the rest of the window, not of the one that failed, at no more than the market's
    price."""
    was = old.contract
    same = {
        "participant": was["buyer_id"],
        "instrument": was["instrument"],
        "slices_per_guest": was["slices"],
        "guests": 1,
        "time_in_force": "ioc",
        "start_by": bid.start_from,
        "duration_minutes": was["end_minute"] - (bid.start_from or 0),
        "replace_on_failure": True,
    }
    for name, value in same.items():
        given = getattr(bid, name)
        require(given == value, f"{name} of order {bid.order}, which replaces {old.id}, is {given}, not {value}")
    starts = f"order {bid.order} replaces {old.id} from {bid.start_from} on, at {minute}"
    require((bid.start_from or 0) > minute, starts)
    require(was["provider_id"] in bid.avoid_providers, f"order {bid.order} takes the provider of {old.id} again")
    most = max(was["price_micros"], cheapest)
    require(bid.price_micros <= most, f"order {bid.order} replaces {old.id} for {bid.price_micros}, more than {most}")
