"""Exclusive groups of bids, as they are asked for and as they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from common.errors import InvalidInput
from common.money import Money
from market.engine.commands import PlaceBid, PlaceGroup
from market.engine.groups import at_place
from market.http.fields import MoneyText, Request
from market.http.order_answers import Order, OrderState, PreviewedTrade, explanation_of, trade_models
from market.http.order_requests import BidRequest
from market.http.placements import placement_of, time_in_force_of
from market.instruments.instruments import zone_of
from market.orders.exclusive_orders import PreviewedGroup
from matching.commands import MOST_ALTERNATIVES


class ExclusiveRequest(Request):
    """Bids of one zone of which only one is to trade; the first of them that can trade at once does. Each may have its
    own instrument, window, size, price and time in force. All of them have a `client_order_id`, or none."""

    bids: list[BidRequest] = Field(min_length=2, max_length=MOST_ALTERNATIVES)


class ExclusiveOrders(BaseModel):
    """The bids of a group as they stand, in the order in which they entered."""

    orders: list[Order]


class PreviewedBid(BaseModel):
    """What would become of one bid of the group."""

    state: OrderState
    reason: str | None
    explanation: str | None = Field(description="the reason in a sentence")
    reserved: MoneyText = Field(description="cash that it would still bind: the dearest bid that rests binds for all")
    guests_filled: int


class ExclusivePreview(BaseModel):
    """What placing the bids now would do. Nothing has been entered."""

    bids: list[PreviewedBid]
    winner: int | None = Field(description="the place of the bid that would trade at once, from 0; null: none would")
    value: MoneyText = Field(description="the price of all its trades for their whole windows, without VAT")
    trades: list[PreviewedTrade] = Field(description="the first 100 of them")
    order: ExclusiveRequest = Field(
        description="the body with its defaults written out, ready for POST /v1/orders/exclusive"
    )


def group_of(body: ExclusiveRequest, participant: str, at_ms: int) -> PlaceGroup:
    """The command that enters the bids, each under a fresh id.

    Raises InvalidInput where one of them is off, where they are of several zones, or where only some have a
    `client_order_id`, or two the same.
    """
    zones = [zone_of(bid.instrument) for bid in body.bids]
    for place, zone in enumerate(zones):
        if zone != zones[0]:
            message = f"bids of one group are of one zone, and the first is of {zones[0]}"
            raise InvalidInput("invalid_field", message, field=f"bids.{place}.instrument", limit=f"zone {zones[0]}")
    _check_names([bid.client_order_id for bid in body.bids])
    return PlaceGroup(tuple(_bid(body, place, participant, at_ms) for place in range(len(body.bids))))


def exclusive_preview_model(previewed: PreviewedGroup, body: ExclusiveRequest) -> ExclusivePreview:
    """A preview as the interface shows it, with the body that it is a preview of."""
    rows = previewed.orders
    written_out = [bid.model_copy(update={"time_in_force": time_in_force_of(bid)}) for bid in body.bids]
    return ExclusivePreview(
        bids=[
            PreviewedBid(
                state=row["state"],
                reason=row["reason"],
                explanation=explanation_of(row["reason"]),
                reserved=str(Money(row["reserved_micros"])),
                guests_filled=row["guests_filled"],
            )
            for row in rows
        ],
        winner=next((place for place, row in enumerate(rows) if row["guests_filled"]), None),
        value=str(Money(previewed.value_micros)),
        trades=trade_models(previewed.trades),
        order=ExclusiveRequest(bids=written_out),
    )


def _bid(body: ExclusiveRequest, place: int, participant: str, at_ms: int) -> PlaceBid:
    with at_place(place):
        placement = placement_of(body.bids[place], participant, at_ms)
    assert isinstance(placement, PlaceBid)
    return placement


def _check_names(names: Sequence[str | None]) -> None:
    for place, name in enumerate(names):
        field = f"bids.{place}.client_order_id"
        if (name is None) != (names[0] is None):
            message = "all bids of a group have a client_order_id, or none: else it could not be told from another"
            raise InvalidInput("missing_field" if name is None else "invalid_field", message, field=field)
        if name is not None and name in names[:place]:
            raise InvalidInput("invalid_field", "each bid has a client_order_id of its own", field=field)
