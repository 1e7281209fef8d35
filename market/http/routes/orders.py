"""Orders: place, read, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from common.minutes import minute_text
from common.money import Money
from common.price import Price
from market.http.auth import Reading, Selling, require
from market.http.fields import (
    After,
    HourlyText,
    InstantText,
    Limit,
    MoneyText,
    Page,
    next_cursor,
)
from market.http.order_requests import BidRequest, OrderRequest, placement_of
from market.http.problems import documented
from market.http.services import Market, Reader
from market.orders.place_order import cancel_order, place_order
from market.orders.read_orders import find_order, list_orders
from matching.events import REASONS

router = APIRouter(prefix="/v1/orders", tags=["orders"])

OrderReference = Annotated[str, Path(max_length=80, description="an order's id, or `client:` and its client_order_id")]
OrderState = Literal["new", "partially_filled", "filled", "canceled", "expired", "rejected"]


class Order(BaseModel):
    """An order as it stands. Fields of the other side are null."""

    id: str
    client_order_id: str | None
    side: Literal["bid", "ask"]
    instrument: str
    price: HourlyText
    time_in_force: str
    state: OrderState
    reason: str | None
    explanation: str | None = Field(description="the reason in a sentence")
    revision: int
    reserved: MoneyText = Field(description="cash that the order still binds")
    entered_at: InstantText
    guests: int | None = None
    guests_filled: int | None = None
    slices_per_guest: int | None = None
    duration_minutes: int | None = None
    start_from: InstantText | None = None
    start_by: InstantText | None = None
    node: str | None = None
    slices: int | None = None
    available_from: InstantText | None = None
    available_until: InstantText | None = None
    min_minutes: int | None = None
    slice_minutes_sold: int | None = None


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def place(body: OrderRequest, who: Selling, market: Market) -> Order:
    """Place an order. The answer comes after the commit, with all that it traded at once.

    A 503 or a lost connection means that the outcome is unknown: place it again with the same `client_order_id`.
    """
    if isinstance(body, BidRequest):
        require(who, "trade")
    await asyncio.to_thread(market.instruments.check, body.instrument)
    placement = placement_of(body, who.participant, market.clock.now_ms())
    return order_model(await place_order(market.engine, placement))


@router.get("", responses=documented(401, 403, 422))
def list_(
    who: Reading, connection: Reader, after: After = "", limit: Limit = 100, state: OrderState | None = None
) -> Page[Order]:
    """Your orders, oldest first."""
    rows = list_orders(connection, who.participant, after, limit, state=state)
    return Page(items=[order_model(row) for row in rows], next=next_cursor([row["id"] for row in rows], limit))


@router.get("/{order}", responses=documented(401, 403, 404, 422))
def get(order: OrderReference, who: Reading, connection: Reader) -> Order:
    """One of your orders."""
    return order_model(find_order(connection, who.participant, order))


@router.delete("/{order}", responses=documented(401, 403, 404, 409, 422, 503))
async def cancel(order: OrderReference, who: Selling, market: Market) -> Order:
    """Take an order off the book. What it has traded stands; canceling it again is no error."""
    found = await asyncio.to_thread(market.write, lambda connection: find_order(connection, who.participant, order))
    if found["side"] == "bid":
        require(who, "trade")
    return order_model(await cancel_order(market.engine, found["shard"], found["id"], who.participant))


def order_model(row: Mapping[Any, Any]) -> Order:
    """A row of `orders` as the interface shows it."""
    fields: dict[str, Any] = {name: row.get(name) for name in _COPIED}
    fields |= {name: _instant(row, name) for name in _INSTANTS}
    return Order(
        price=Price(row["price_micros"]).hourly(),
        reserved=str(Money(row["reserved_micros"])),
        entered_at=minute_text(row["entered_minute"]),
        node=row.get("node_id"),
        explanation=None if row["reason"] is None else REASONS[row["reason"]].sentence,
        **fields,
    )


_INSTANTS = ("start_from", "start_by", "available_from", "available_until")
_COPIED = (
    "id",
    "client_order_id",
    "side",
    "instrument",
    "time_in_force",
    "state",
    "reason",
    "revision",
    "guests",
    "guests_filled",
    "slices_per_guest",
    "duration_minutes",
    "slices",
    "min_minutes",
    "slice_minutes_sold",
)


def _instant(row: Mapping[Any, Any], name: str) -> str | None:
    minute = row.get(name)
    return None if minute is None else minute_text(minute)
