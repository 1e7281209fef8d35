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
from market.engine.commands import PlaceAsk, PlaceBid
from market.engine.facts import TradingTerms
from market.engine.windows import AskWindow, BidWindow
from matching.events import Cut, Trade


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
    """An order to buy, from its entry to its end. `bid` is what amendments have made of the placement, `content` the
    digest of the placement as it came, `revision` 1 and one more for every amendment, `group` the ids of its exclusive
    group, in the order of its entry."""

    bid: PlaceBid
    content: str
    window: BidWindow
    terms: TradingTerms
    entered: Stamp
    updated_at_micros: int
    state: str
    reason: str | None
    reserved_micros: int
    revision: int = 1
    guests_filled: int = 0
    group: tuple[str, ...] = ()

    @property
    def placement(self) -> PlaceBid:
        """What it was placed with, as amended."""
        return self.bid

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
        return guests * gross_with_vat(bid.price_micros, slice_minutes, self.terms.tax.buyer_vat_ppm)

    @property
    def needed_micros(self) -> int:
        """What the guests that it still asks for bind."""
        return self.reserve_micros(self.bid.guests - self.guests_filled)

    def after_trade(self, trade: Trade) -> BidRecord:
        """With the trade's guests filled, and their reservation gone; what is left binds by itself, whatever another
        bid of its group bound for it before."""
        traded = dataclasses.replace(self, state="partially_filled", guests_filled=self.guests_filled + trade.guests)
        return dataclasses.replace(traded, reserved_micros=traded.needed_micros)

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
            "nodes": list(bid.nodes),
            "avoid_providers": list(bid.avoid_providers),
            "min_reliability_ppm": bid.min_reliability_ppm,
            "template": codec.to_json(bid.template),
            "replace_on_failure": bid.replace_on_failure,
            "replaces": bid.replaces,
            "exclusive_group": self.group[0] if self.group else None,
            "grows": bid.grows,
        }


@dataclass(frozen=True, slots=True)
class AskRecord:
    """An order to sell, from its entry to its end; fields as in BidRecord. `slice_minutes_left` is the area of its
    profile, elapsed minutes included, and `remaining` of a linked one the profile: [start, end) and slices."""

    ask: PlaceAsk
    content: str
    window: AskWindow
    terms: TradingTerms
    entered: Stamp
    updated_at_micros: int
    state: str
    reason: str | None
    reserved_micros: int
    slice_minutes_left: int
    revision: int = 1
    slice_minutes_sold: int = 0
    remaining: tuple[tuple[int, ...], ...] = ()

    @property
    def placement(self) -> PlaceAsk:
        """What it was placed with, as amended."""
        return self.ask

    @property
    def id(self) -> str:
        """The order's id."""
        return self.ask.order

    @property
    def participant(self) -> str:
        """The provider."""
        return self.ask.participant

    def bond_micros(self, slice_minutes: int) -> int:
        """The bond of so many slice-minutes, on the ask's own limit price; none where they are of a contract, which has
        one."""
        return (
            0
            if self.ask.contract is not None
            else bond(self.ask.price_micros, slice_minutes, self.terms.instrument.bond_ppm)
        )

    def after_trade(self, trade: Trade) -> AskRecord:
        """With the trade's slice-minutes sold, and their reservation gone."""
        sold = trade.guests * trade.slices_per_guest * (trade.end - trade.start)
        left = self.slice_minutes_left - sold
        return dataclasses.replace(
            self,
            state="partially_filled",
            slice_minutes_sold=self.slice_minutes_sold + sold,
            slice_minutes_left=left,
            reserved_micros=self.bond_micros(left),
        )

    def after_cut(self, cut: Cut) -> AskRecord:
        """With these slice-minutes given back to the node, and their bond to its provider."""
        left = self.slice_minutes_left - cut.slice_minutes
        return dataclasses.replace(self, slice_minutes_left=left, reserved_micros=self.bond_micros(left))

    def row(self) -> dict[str, Any]:
        """All columns of the `orders` table that an ask has."""
        ask = self.ask
        return _common_columns(self) | {
            "side": "ask",
            "node_id": ask.node if ask.contract is None else None,
            "backing_contract_id": ask.contract,
            "slices": ask.slices,
            "available_from": self.window.available_from,
            "available_until": self.window.available_until,
            "min_minutes": ask.min_minutes,
            "slice_minutes_sold": self.slice_minutes_sold,
            "replace_on_failure": False,
            "linked": ask.linked,
            "remaining": [list(stretch) for stretch in self.remaining] if ask.linked else None,
        }


OrderRecord = BidRecord | AskRecord

MUTABLE_COLUMNS = (
    "state",
    "reason",
    "revision",
    "price_micros",
    "guests",
    "slices",
    "reserved_micros",
    "updated_at_micros",
    "guests_filled",
    "slice_minutes_sold",
    "remaining",
)
"""What changes in an order's row after its entry."""


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """A contract at its birth: what the market keeps, what billing freezes, and the contract that it follows from."""

    stamp: Stamp
    trade_ordinal: int
    bid_order: str
    ask_order: str
    billed: NewContract
    guest: GuestSpec
    replaces: str | None = None
    resold_from: str | None = None
    grows: str | None = None


def _common_columns(record: OrderRecord) -> dict[str, Any]:
    placement = record.placement
    return {
        "id": placement.order,
        "shard": record.entered.shard,
        "sequence": record.entered.sequence,
        "participant_id": placement.participant,
        "client_order_id": placement.client_order_id,
        "content_sha256": bytes.fromhex(record.content),
        "instrument": placement.instrument,
        "price_micros": placement.price_micros,
        "time_in_force": placement.time_in_force,
        "expires_at": placement.expires_at,
        "post_only": placement.post_only,
        "self_trade_prevention": placement.self_trade_prevention,
        "state": record.state,
        "reason": record.reason,
        "revision": record.revision,
        "reserved_micros": record.reserved_micros,
        "entered_minute": record.entered.minute,
        "entered_at_micros": record.entered.at_micros,
        "updated_at_micros": record.updated_at_micros,
    }
