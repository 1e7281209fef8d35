"""What the engine keeps of an open order beyond the book's view, and what a batch brings forth: the rows of the
tables."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from billing.contracts import NewContract
from billing.terms import bond, gross_with_vat
from common import codec
from common.wire import GuestSpec
from market.engine.commands import PlaceAsk, PlaceBid, content_sha256
from market.engine.facts import PlacementFacts
from market.engine.windows import AskWindow, BidWindow
from matching.events import Trade


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a command stands in its shard's history: sequence number and market time."""

    shard: str
    sequence: int
    at_micros: int

    @property
    def minute(self) -> int:
        """The market minute at which the command is applied."""
        return self.at_micros // 60_000_000


@dataclass(frozen=True, slots=True)
class BidRecord:
    """An order to buy, from its entry to its end."""

    bid: PlaceBid
    window: BidWindow
    facts: PlacementFacts
    entered: Stamp
    updated_at_micros: int
    state: str
    reason: str | None
    reserved_micros: int
    guests_filled: int = 0

    @property
    def id(self) -> str:
        """The order's id."""
        return self.bid.order

    @property
    def participant(self) -> str:
        """The buyer."""
        return self.bid.participant

    def reserve_micros(self, guests: int) -> int:
        """What so many of its guests bind: limit price x slices x minutes and VAT, rounded guest by guest."""
        bid = self.bid
        slice_minutes = bid.slices_per_guest * bid.duration_minutes
        return guests * gross_with_vat(bid.price_micros, slice_minutes, self.facts.party.tax.buyer_vat_ppm)

    def after_trade(self, trade: Trade) -> BidRecord:
        """With the trade's guests filled, and their reservation gone."""
        return dataclasses.replace(
            self,
            state="partially_filled",
            guests_filled=self.guests_filled + trade.guests,
            reserved_micros=self.reserved_micros - self.reserve_micros(trade.guests),
        )

    def row(self) -> dict[str, Any]:
        """All columns of the `orders` table that a bid has."""
        bid = self.bid
        return _common_columns(self) | {
            "side": "bid",
            "guests": bid.guests,
            "guests_filled": self.guests_filled,
            "slices_per_guest": bid.slices_per_guest,
            "duration_minutes": bid.duration_minutes,
            "start_from": self.window.start_from,
            "start_by": self.window.start_by,
            "template": codec.to_json(bid.template),
        }


@dataclass(frozen=True, slots=True)
class AskRecord:
    """An order to sell, from its entry to its end."""

    ask: PlaceAsk
    window: AskWindow
    facts: PlacementFacts
    entered: Stamp
    updated_at_micros: int
    state: str
    reason: str | None
    reserved_micros: int
    slice_minutes_sold: int = 0

    @property
    def id(self) -> str:
        """The order's id."""
        return self.ask.order

    @property
    def participant(self) -> str:
        """The provider."""
        return self.ask.participant

    def bond_micros(self, slice_minutes: int) -> int:
        """The bond of so many slice-minutes, on the ask's own limit price."""
        return bond(self.ask.price_micros, slice_minutes, self.facts.instrument.bond_ppm)

    @property
    def slice_minutes_left(self) -> int:
        """What is neither sold nor gone: the area of its profile."""
        length = self.window.available_until - self.window.available_from
        return self.ask.slices * length - self.slice_minutes_sold

    def after_trade(self, trade: Trade) -> AskRecord:
        """With the trade's slice-minutes sold, and their reservation gone."""
        sold = trade.guests * trade.slices_per_guest * (trade.end - trade.start)
        after = dataclasses.replace(self, state="partially_filled", slice_minutes_sold=self.slice_minutes_sold + sold)
        return dataclasses.replace(after, reserved_micros=after.bond_micros(after.slice_minutes_left))

    def row(self) -> dict[str, Any]:
        """All columns of the `orders` table that an ask has."""
        ask = self.ask
        return _common_columns(self) | {
            "side": "ask",
            "node_id": ask.node,
            "slices": ask.slices,
            "available_from": self.window.available_from,
            "available_until": self.window.available_until,
            "min_minutes": ask.min_minutes,
            "slice_minutes_sold": self.slice_minutes_sold,
        }


OrderRecord = BidRecord | AskRecord

MUTABLE_COLUMNS = (
    "state",
    "reason",
    "reserved_micros",
    "updated_at_micros",
    "guests_filled",
    "slice_minutes_sold",
)
"""What changes in an order's row after its entry."""


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """A contract at its birth: what the market keeps, and what billing freezes."""

    stamp: Stamp
    trade_ordinal: int
    bid_order: str
    ask_order: str
    billed: NewContract
    guest: GuestSpec


def _common_columns(record: OrderRecord) -> dict[str, Any]:
    placement = record.bid if isinstance(record, BidRecord) else record.ask
    return {
        "id": placement.order,
        "shard": record.entered.shard,
        "sequence": record.entered.sequence,
        "participant_id": placement.participant,
        "client_order_id": placement.client_order_id,
        "content_sha256": content_sha256(placement),
        "instrument": placement.instrument,
        "price_micros": placement.price_micros,
        "time_in_force": placement.time_in_force,
        "state": record.state,
        "reason": record.reason,
        "revision": 1,
        "reserved_micros": record.reserved_micros,
        "entered_minute": record.entered.minute,
        "entered_at_micros": record.entered.at_micros,
        "updated_at_micros": record.updated_at_micros,
    }
