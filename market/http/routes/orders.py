"""Orders: place, read, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from common.ids import new_id
from common.minutes import minute_text, parse_minute
from common.money import Money
from common.price import Price
from market.engine.commands import GuestTemplate, PlaceAsk, PlaceBid, Placement
from market.http.auth import Reading, Selling, require
from market.http.fields import (
    After,
    HourlyText,
    InstantText,
    Limit,
    MoneyText,
    Page,
    PriceText,
    Request,
    next_cursor,
)
from market.http.problems import documented
from market.http.services import Market, Reader
from market.orders.place_order import cancel_order, place_order
from market.orders.read_orders import find_order, list_orders
from matching.events import REASONS

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_Text = Annotated[str, Field(min_length=1, max_length=80)]
_ClientId = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="your own name for the order: the same name and content again gives the same order, once",
    ),
]
_Slices = Annotated[int, Field(ge=1, le=1_000_000)]
_Minutes = Annotated[int, Field(ge=1, le=10_000_000, description="whole minutes")]
SshKey = Annotated[
    str,
    Field(
        max_length=4096,
        pattern=r"^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+=*( [^\n\r]*)?$",
        description="a line of an authorized_keys file: the public half, never the private one",
    ),
]
OrderReference = Annotated[str, Path(max_length=80, description="an order's id, or `client:` and its client_order_id")]


class GuestRequest(Request):
    """What the guests are to be, apart from their size."""

    name: str = Field(default="guest", max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    image: str = Field(
        default="default", max_length=120, pattern=r"^[A-Za-z0-9._/-]+$", description="image of the catalogue"
    )
    ssh_keys: list[SshKey] = Field(default_factory=list, max_length=20, description="public keys, in OpenSSH's form")
    user_data: str = Field(default="", max_length=16_384, description="cloud-init user data")


class BidRequest(Request):
    """Buy `guests` guests of `slices_per_guest` slices for `duration_minutes`, starting in [`start_from`,
    `start_by`]."""

    side: Literal["bid"]
    instrument: _Text
    price: PriceText = Field(description="the most you pay, currency per slice-hour, a whole number of ticks")
    guests: int = Field(default=1, ge=1, le=1000)
    slices_per_guest: int = Field(default=1, ge=1, le=1024)
    duration_minutes: _Minutes
    start_from: InstantText | None = Field(default=None, description="earliest start; null: the next whole minute")
    start_by: InstantText | None = Field(default=None, description="latest start; null: start_from")
    time_in_force: Literal["gtc", "ioc"] = Field(
        default="gtc",
        description="gtc: rests until its window has passed; ioc: what does not trade at once is canceled",
    )
    client_order_id: _ClientId = None
    guest: GuestRequest = Field(default_factory=GuestRequest)


class AskRequest(Request):
    """Sell `slices` slices of a node during [`available_from`, `available_until`), in contracts of `min_minutes` or
    more."""

    side: Literal["ask"]
    instrument: _Text
    price: PriceText = Field(description="the least you take, currency per slice-hour, a whole number of ticks")
    node: _Text
    slices: _Slices
    available_from: InstantText | None = Field(default=None, description="null: the next whole minute")
    available_until: InstantText
    min_minutes: _Minutes = Field(default=1, description="the shortest contract you accept, in minutes")
    time_in_force: Literal["gtc", "ioc"] = "gtc"
    client_order_id: _ClientId = None


OrderState = Literal["new", "partially_filled", "filled", "canceled", "expired", "rejected"]
OrderRequest = Annotated[BidRequest | AskRequest, Field(discriminator="side")]


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
    placement = _placement(body, who.participant, market.clock.now_ms())
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


def _placement(body: BidRequest | AskRequest, participant: str, at_ms: int) -> Placement:
    order = new_id("ord", at_ms)
    price = Price.parse_hourly(body.price).micros
    if isinstance(body, AskRequest):
        return PlaceAsk(
            order=order,
            participant=participant,
            client_order_id=body.client_order_id,
            instrument=body.instrument,
            price_micros=price,
            time_in_force=body.time_in_force,
            node=body.node,
            slices=body.slices,
            available_from=_minute(body.available_from, "available_from"),
            available_until=parse_minute(body.available_until, field="available_until"),
            min_minutes=body.min_minutes,
        )
    return PlaceBid(
        order=order,
        participant=participant,
        client_order_id=body.client_order_id,
        instrument=body.instrument,
        price_micros=price,
        time_in_force=body.time_in_force,
        guests=body.guests,
        slices_per_guest=body.slices_per_guest,
        duration_minutes=body.duration_minutes,
        start_from=_minute(body.start_from, "start_from"),
        start_by=_minute(body.start_by, "start_by"),
        template=GuestTemplate(
            name=body.guest.name,
            image=body.guest.image,
            ssh_keys=tuple(body.guest.ssh_keys),
            user_data=body.guest.user_data,
        ),
    )


def _minute(text: str | None, field: str) -> int | None:
    return None if text is None else parse_minute(text, field=field)
