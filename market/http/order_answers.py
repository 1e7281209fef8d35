"""Orders and previews as the interface shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from common.minutes import minute_text
from common.money import Money
from common.price import Price
from market.http.fields import HourlyText, InstantText, MoneyText
from market.http.order_requests import OrderRequest
from market.http.problems import ProblemDetails
from market.orders.preview_order import Previewed
from matching.events import REASONS

OrderState = Literal["new", "partially_filled", "filled", "canceled", "expired", "rejected"]


class Stretch(BaseModel):
    """So many slices at every minute from `start` to `end`."""

    start: InstantText
    end: InstantText
    slices: int


class Order(BaseModel):
    """An order as it stands. Fields of the other side are null."""

    id: str
    client_order_id: str | None
    side: Literal["bid", "ask"]
    instrument: str
    price: HourlyText
    time_in_force: str
    expires_at: InstantText | None = None
    post_only: bool
    self_trade_prevention: str
    state: OrderState
    reason: str | None
    explanation: str | None = Field(description="the reason in a sentence")
    revision: int = Field(description="1, and one more for every amendment")
    reserved: MoneyText = Field(description="cash that the order still binds")
    entered_at: InstantText
    guests: int | None = None
    guests_filled: int | None = None
    slices_per_guest: int | None = None
    duration_minutes: int | None = None
    start_from: InstantText | None = None
    start_by: InstantText | None = None
    nodes: list[str] | None = None
    avoid_providers: list[str] | None = None
    min_reliability_ppm: int | None = None
    replace_on_failure: bool
    replaces: str | None = Field(default=None, description="the failed contract for whose rest the market bought")
    exclusive_group: str | None = Field(
        default=None, description="a bid of which only one of several is to trade: the id of the first of them"
    )
    node: str | None = None
    contract: str | None = Field(default=None, description="ask: the contract whose rest it offers, instead of a node")
    slices: int | None = None
    available_from: InstantText | None = None
    available_until: InstantText | None = None
    min_minutes: int | None = None
    slice_minutes_sold: int | None = None
    linked: bool | None = Field(default=None, description="ask: it shares what is free of its node")
    remaining: list[Stretch] | None = Field(
        default=None, description="linked ask: what it has left, after its own sales and those that it was cut for"
    )


class PlacedOrder(BaseModel):
    """What became of an order of a batch: it was taken."""

    order: Order


class RefusedOrder(BaseModel):
    """What became of an order of a batch: it was refused, and left no trace."""

    problem: ProblemDetails


class BatchResults(BaseModel):
    """One result for each order of a batch, in their order."""

    results: list[PlacedOrder | RefusedOrder]


class Canceled(BaseModel):
    """How many open orders were taken off the books."""

    canceled: int


class PreviewedTrade(BaseModel):
    """A trade that would be made: `guests` guests of `slices_per_guest` slices from `start` to `end`."""

    price: HourlyText
    start: InstantText
    end: InstantText
    guests: int
    slices_per_guest: int


class Preview(BaseModel):
    """What placing the order now would do. Nothing has been entered."""

    state: OrderState
    reason: str | None
    explanation: str | None = Field(description="the reason in a sentence")
    reserved: MoneyText = Field(description="cash that it would still bind after its trades")
    value: MoneyText = Field(description="the price of all trades for their whole windows, without VAT")
    guests_filled: int | None = Field(description="bid: guests that would trade at once")
    slice_minutes_sold: int | None = Field(description="ask: slice-minutes that would trade at once")
    trades: list[PreviewedTrade] = Field(description="the first 100 of them")
    order: OrderRequest = Field(description="the body with its defaults written out, ready for POST /v1/orders")


def order_model(row: Mapping[Any, Any]) -> Order:
    """A row of `orders` as the interface shows it."""
    fields: dict[str, Any] = {name: row.get(name) for name in _COPIED}
    fields |= {name: _instant(row, name) for name in _INSTANTS}
    return Order(
        price=Price(row["price_micros"]).hourly(),
        reserved=str(Money(row["reserved_micros"])),
        entered_at=minute_text(row["entered_minute"]),
        node=row.get("node_id"),
        contract=row.get("backing_contract_id"),
        explanation=explanation_of(row["reason"]),
        remaining=_remaining(row.get("remaining")),
        **fields,
    )


def preview_model(previewed: Previewed, order: OrderRequest) -> Preview:
    """A preview as the interface shows it, with the body that it is a preview of."""
    row = previewed.order
    return Preview(
        state=row["state"],
        reason=row["reason"],
        explanation=explanation_of(row["reason"]),
        reserved=str(Money(row["reserved_micros"])),
        value=str(Money(previewed.value_micros)),
        guests_filled=row.get("guests_filled"),
        slice_minutes_sold=row.get("slice_minutes_sold"),
        trades=trade_models(previewed.trades),
        order=order,
    )


def trade_models(trades: Sequence[Mapping[str, Any]]) -> list[PreviewedTrade]:
    """Trades of a preview, rows of `trade`, as the interface shows them."""
    return [
        PreviewedTrade(
            price=Price(trade["price_micros"]).hourly(),
            start=minute_text(trade["start_minute"]),
            end=minute_text(trade["end_minute"]),
            guests=trade["guests"],
            slices_per_guest=trade["slices_per_guest"],
        )
        for trade in trades
    ]


def explanation_of(reason: str | None) -> str | None:
    """The reason in a sentence."""
    return None if reason is None else REASONS[reason].sentence


_INSTANTS = ("expires_at", "start_from", "start_by", "available_from", "available_until")
_COPIED = (
    "id",
    "client_order_id",
    "side",
    "instrument",
    "time_in_force",
    "post_only",
    "self_trade_prevention",
    "state",
    "reason",
    "revision",
    "guests",
    "guests_filled",
    "slices_per_guest",
    "duration_minutes",
    "nodes",
    "avoid_providers",
    "min_reliability_ppm",
    "replace_on_failure",
    "replaces",
    "exclusive_group",
    "slices",
    "min_minutes",
    "slice_minutes_sold",
    "linked",
)


def _remaining(stretches: Sequence[Sequence[int]] | None) -> list[Stretch] | None:
    if stretches is None:
        return None
    return [Stretch(start=minute_text(start), end=minute_text(end), slices=slices) for start, end, slices in stretches]


def _instant(row: Mapping[Any, Any], name: str) -> str | None:
    minute = row.get(name)
    return None if minute is None else minute_text(minute)
