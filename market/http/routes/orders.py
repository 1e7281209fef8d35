"""Orders: place, read, amend, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from market.engine.commands import CancelAll
from market.engine.reads import OrderQuestion
from market.http.auth import Reading, Selling, require
from market.http.cursors import id_cursor
from market.http.fields import After, Limit, Page, TrueOrFalse, next_cursor
from market.http.order_answers import Canceled, Order, OrderState, order_model
from market.http.order_explanations import Explanation, explanation_model
from market.http.order_requests import ORDER_ID, AmendRequest, BidRequest, OrderRequest
from market.http.placements import amendment_of, placement_of
from market.http.problems import documented
from market.http.services import Market, Reader, Services
from market.http.strict_route import StrictRoute
from market.orders.amend_order import amend_order
from market.orders.cancel_orders import cancel_all, cancel_order
from market.orders.place_order import place_order
from market.orders.read_orders import Filter, find_order, list_orders, shards_with_orders
from market.participants.keys import Caller

router = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=StrictRoute)

OrderReference = Annotated[
    str, Path(min_length=1, max_length=80, description="an order's id, or `client:` and its client_order_id")
]
_Instrument = Annotated[str | None, Query(min_length=1, max_length=200, description="only of this instrument")]
_Side = Annotated[Literal["bid", "ask"] | None, Query(description="only of this side")]
_Group = Annotated[
    str | None, Query(pattern=ORDER_ID, description="only of this exclusive group: the id of its first bid")
]
_State = Annotated[OrderState | None, Query(description="only in this state")]
_Open = Annotated[bool | None, Query(alias="open", description="only orders that rest; false: the others"), TrueOrFalse]


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def place(body: OrderRequest, who: Selling, market: Market) -> Order:
    """Place an order. The answer comes after the commit, with all that it traded at once.

    A 503 or a lost connection means that the outcome is unknown: place it again with the same `client_order_id`.
    """
    if isinstance(body, BidRequest):
        require(who, "trade")
    await market.instruments.expect(body.instrument)
    placement = placement_of(body, who.participant, market.clock.now_ms())
    return order_model(await place_order(market.engine, placement))


@router.get("", responses=documented(401, 403, 422))
def list_(
    who: Reading,
    connection: Reader,
    after: After = "",
    limit: Limit = 100,
    state: _State = None,
    instrument: _Instrument = None,
    side: _Side = None,
    is_open: _Open = None,
    exclusive_group: _Group = None,
) -> Page[Order]:
    """Your orders, oldest first."""
    wanted = Filter(state, instrument, side, is_open, exclusive_group)
    rows = list_orders(connection, who.participant, id_cursor(after, "ord"), limit, wanted)
    return Page(items=[order_model(row) for row in rows], next=next_cursor([row["id"] for row in rows], limit))


@router.get("/{order}", responses=documented(401, 403, 404, 422))
def get(order: OrderReference, who: Reading, connection: Reader) -> Order:
    """One of your orders."""
    return order_model(find_order(connection, who.participant, order))


@router.get("/{order}/explain", responses=documented(401, 403, 404, 422, 503))
async def explain(order: OrderReference, who: Reading, market: Market) -> Explanation:
    """Why an order does not trade, and the nearest variants of it that would: each changes one thing."""
    found = await asyncio.to_thread(market.read, lambda connection: find_order(connection, who.participant, order))
    told = await market.engine.ask(found["shard"], OrderQuestion(found["id"]))
    return explanation_model(found, told["variants"])


@router.patch("/{order}", responses=documented(401, 403, 404, 409, 422, 503))
async def amend(order: OrderReference, body: AmendRequest, who: Selling, market: Market) -> Order:
    """Amend an open order. What is refused changes nothing.

    Fewer guests or slices keep its place in the queue; another price is an entry anew, which may trade.
    """
    found = await asyncio.to_thread(_find, market, who, order)
    amendment = amendment_of(body, found["id"], who.participant)
    return order_model(await amend_order(market.engine, found["shard"], amendment))


@router.delete("/{order}", responses=documented(401, 403, 404, 409, 422, 503))
async def cancel(order: OrderReference, who: Selling, market: Market) -> Order:
    """Take an order off the book. What it has traded stands; canceling it again is no error."""
    found = await asyncio.to_thread(_find, market, who, order)
    return order_model(await cancel_order(market.engine, found["shard"], found["id"], who.participant))


@router.delete("", responses=documented(401, 403, 404, 422, 503))
async def cancel_all_(
    who: Selling,
    market: Market,
    instrument: _Instrument = None,
    side: _Side = None,
    exclusive_group: _Group = None,
) -> Canceled:
    """Take all your open orders off the books, or those of an instrument, a side or an exclusive group."""
    if side != "ask":
        require(who, "trade")
    if instrument is not None:
        await asyncio.to_thread(market.instruments.check, instrument)
    wanted = Filter(instrument=instrument, side=side, is_open=True, exclusive_group=exclusive_group)
    shards = await asyncio.to_thread(
        market.read, lambda connection: shards_with_orders(connection, who.participant, wanted)
    )
    command = CancelAll(who.participant, instrument, side, exclusive_group)
    return Canceled(canceled=await cancel_all(market.engine, shards, command))


def _find(market: Services, who: Caller, order: str) -> Mapping[Any, Any]:
    """The caller's order, which its key may change."""
    found = market.read(lambda connection: find_order(connection, who.participant, order))
    if found["side"] == "bid":
        require(who, "trade")
    return found
