"""Effects: what a command changes, added up over a batch in memory, and written by `market.engine.writes`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from market.engine.records import AskRecord, BidRecord, ContractRecord, OrderRecord, Stamp
from matching.events import Trade
from runtime.feed import FeedEvent


@dataclass(slots=True)
class Effects:
    """Orders as they end up, trades and contracts in execution order, and changes of reserved cash per participant.

    `groups` are the exclusive groups of which a bid was changed or is done, until `market.engine.groups` has seen to
    their reservation; `linked` the linked asks that were changed, until their remaining supply is noted.
    """

    entered: dict[str, OrderRecord] = field(default_factory=dict)
    changed: dict[str, OrderRecord] = field(default_factory=dict)
    trades: list[tuple[Stamp, int, Trade, str]] = field(default_factory=list)
    contracts: list[ContractRecord] = field(default_factory=list)
    reservations: Counter[str] = field(default_factory=Counter)
    events: list[FeedEvent] = field(default_factory=list)
    groups: dict[tuple[str, ...], None] = field(default_factory=dict)
    linked: dict[str, None] = field(default_factory=dict)

    def order_entered(self, record: OrderRecord) -> None:
        """A new row."""
        self.entered[record.id] = record

    def order_changed(self, record: OrderRecord) -> None:
        """The newest state of a row, of this batch or of an earlier one."""
        target = self.entered if record.id in self.entered else self.changed
        target[record.id] = record

    def newest(self, order: str) -> OrderRecord:
        """The order as it stands now; it must have entered or changed."""
        return self.entered[order] if order in self.entered else self.changed[order]

    def touched(self, record: OrderRecord) -> None:
        """An order was changed or is done: its group, if it has one, may bind another sum, and a linked ask has
        something else left."""
        if isinstance(record, BidRecord) and record.group:
            self.groups[record.group] = None
        if isinstance(record, AskRecord) and record.ask.linked:
            self.linked[record.id] = None

    def order_event(self, record: OrderRecord, at_micros: int, reason: str | None = None) -> None:
        """Tell the feed how an order stands after a command, and for what `reason` it was changed, if it is open."""
        payload: dict[str, Any] = {
            "participant": record.participant,
            "side": "ask" if isinstance(record, AskRecord) else "bid",
            "state": record.state,
            "reason": record.reason or reason,
            "revision": record.revision,
        }
        self.events.append(FeedEvent("order", record.id, payload, at_micros))

    def reserve(self, participant: str, amount_micros: int) -> None:
        """Reserved cash grows, or shrinks where the amount is negative."""
        self.reservations[participant] += amount_micros

    def resold(self) -> list[ContractRecord]:
        """Contracts that are the rest of others."""
        return [record for record in self.contracts if record.resold_from is not None]

    def spent(self) -> Counter[str]:
        """By how much each participant's available cash has shrunk: reservations, and what trades took out of cash."""
        total = Counter(self.reservations)
        for record in self.contracts:
            total[record.billed.buyer_id] += record.billed.escrow_micros
            total[record.billed.provider_id] += record.billed.bond_micros
        return total

    def add(self, later: Effects) -> None:
        """Take over the effects of the command that came next."""
        for record in later.entered.values():
            self.order_entered(record)
        for record in later.changed.values():
            self.order_changed(record)
        self.trades += later.trades
        self.contracts += later.contracts
        self.events += later.events
        for participant, change in later.reservations.items():
            self.reservations[participant] += change
