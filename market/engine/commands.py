"""What the market asks an engine to do, and what the engine answers: the messages between use cases and engine.

Quantities are integers, prices micro-units per slice-minute, minutes UTC minutes since the Unix epoch. `None` for a
start means the next whole minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from common.wire import Capacity, Filesystem, Kind
from matching.commands import SelfTradePrevention, TimeInForce

NOTHING = Capacity(0, 0, 0)
MOST_AT_ONCE = 1000
"""Orders that one CancelAll takes off the book, so that no command holds up the others for long."""
MOST_TRADES_TOLD = 100
"""Trades that the answer to a preview tells one by one."""
MOST_OPEN_ORDERS = 10_000
"""Open orders that a participant may have in a zone: one participant must not fill an engine's memory."""


@dataclass(frozen=True, slots=True)
class GuestTemplate:
    """What the buyer wants its guests to be, apart from their size; or, as `kind` says, its volumes, which have a name
    and a filesystem only."""

    name: str
    image: str
    ssh_keys: tuple[str, ...] = ()
    user_data: str = ""
    filesystem: Filesystem = ""
    kind: Kind = "guest"


@dataclass(frozen=True, slots=True)
class PlaceBid:
    """Enter a bid for `guests` guests, each of `slices_per_guest` slices for `duration_minutes`.

    It trades only on one of its `nodes` (empty: on any), with no provider in `avoid_providers`, and with none of less
    than `min_reliability_ppm`. With `replace_on_failure` the rest of a guest that is not delivered is bought again;
    `replaces` is the failed contract for whose rest the engine itself buys, `grows` the contract whose guest gets
    what is bought: nobody else sets these two.
    """

    order: str
    participant: str
    client_order_id: str | None
    instrument: str
    price_micros: int
    time_in_force: TimeInForce
    guests: int
    slices_per_guest: int
    duration_minutes: int
    start_from: int | None
    start_by: int | None
    template: GuestTemplate
    expires_at: int | None = None
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = "cancel_taker"
    nodes: tuple[str, ...] = ()
    avoid_providers: tuple[str, ...] = ()
    min_reliability_ppm: int = 0
    replace_on_failure: bool = False
    replaces: str | None = None
    grows: str | None = None
    kind: Literal["place_bid"] = "place_bid"


@dataclass(frozen=True, slots=True)
class PlaceAsk:
    """Enter an ask for `slices` slices of one node during [`available_from`, `available_until`).

    With a `contract`, one for all the rest of that one instead; node, slices and window follow from it, and are left
    empty.
    A `linked` one shares with the other linked asks of its node what is free of it, but for what it is to `keep`: each
    is offered whole, and when one sells, the others are cut to what still fits.
    """

    order: str
    participant: str
    client_order_id: str | None
    instrument: str
    price_micros: int
    time_in_force: TimeInForce
    node: str
    slices: int
    available_from: int | None
    available_until: int
    min_minutes: int
    expires_at: int | None = None
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention = "cancel_taker"
    contract: str | None = None
    linked: bool = False
    keep: Capacity = NOTHING
    kind: Literal["place_ask"] = "place_ask"


Placement = PlaceBid | PlaceAsk


@dataclass(frozen=True, slots=True)
class PlaceGroup:
    """Enter bids of one participant and zone of which only one is to trade, in this order. All of them have a
    `client_order_id`, or none."""

    bids: tuple[PlaceBid, ...]
    kind: Literal["place_group"] = "place_group"


@dataclass(frozen=True, slots=True)
class PreviewOrder:
    """What placing the order, or the group, would do now. Nothing is entered."""

    placement: Placement | PlaceGroup
    kind: Literal["preview"] = "preview"


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Change exactly one of an open order's total `guests` (a bid), total `slices` (an ask) and price, if `revision` is
    still its own."""

    order: str
    participant: str
    revision: int
    guests: int | None = None
    slices: int | None = None
    price_micros: int | None = None
    kind: Literal["amend"] = "amend"


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take an open order off the book, for a reason from `matching.events`."""

    order: str
    participant: str
    reason: str = "requested"
    kind: Literal["cancel"] = "cancel"


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Take the participant's open orders off the books, oldest first, at most MOST_AT_ONCE; of one instrument, side or
    exclusive group (the id of its first bid) where it is named."""

    participant: str
    instrument: str | None = None
    side: Literal["bid", "ask"] | None = None
    group: str | None = None
    kind: Literal["cancel_all"] = "cancel_all"


@dataclass(frozen=True, slots=True)
class Expire:
    """Let time pass: the engine's own command, entered when an order's window can no longer be served."""

    kind: Literal["expire"] = "expire"


Ending = Literal["release", "reclaim", "fail", "bust"]


@dataclass(frozen=True, slots=True)
class EndContract:
    """End a contract before its window does: its buyer releases it, its provider reclaims it; its guest has failed, or
    the operator busts the trade, for a `reason`: then `participant` is None. A `preview` tells what would become of
    the money, and ends nothing."""

    contract: str
    ending: Ending
    participant: str | None = None
    reason: str | None = None
    preview: bool = False
    kind: Literal["end_contract"] = "end_contract"


@dataclass(frozen=True, slots=True)
class RescaleContract:
    """Give a contract's guest so many `slices` in all: more are bought, all or nothing, on its node and until its end,
    under the id `order` and for `price_micros` at most; contracts that were bought so are released, newest first, for
    fewer. A `preview` only tells what that would cost."""

    contract: str
    participant: str
    slices: int
    order: str
    price_micros: int | None = None
    preview: bool = False
    kind: Literal["rescale"] = "rescale"


Command = (
    PlaceBid
    | PlaceAsk
    | PlaceGroup
    | PreviewOrder
    | AmendOrder
    | CancelOrder
    | CancelAll
    | Expire
    | EndContract
    | RescaleContract
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of `common.errors`, on its way back to the caller."""

    error: str
    code: str
    message: str
    field: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The order as it stands after the commit (columns of the `orders` table), or why nothing happened.

    A preview also tells the first `trades` (columns of the `trade` table), and the price of all of them for their whole
    windows; a CancelAll how many orders it `canceled`; an EndContract what became of the money (fields of
    `billing.endings.Outcome`); a RescaleContract either, the trade with its escrow. A PlaceGroup, and its preview, is
    answered with its `orders`.
    """

    order: dict[str, Any] | None = None
    problem: Problem | None = None
    trades: tuple[dict[str, Any], ...] = ()
    value_micros: int = 0
    canceled: int = 0
    ended: dict[str, int] | None = None
    orders: tuple[dict[str, Any], ...] = ()
