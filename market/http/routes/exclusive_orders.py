"""Bids of which only one is to trade, in one call: placed, or only tried."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from market.engine.commands import PlaceGroup
from market.engine.groups import at_place
from market.http.auth import Selling, require
from market.http.exclusive_orders import (
    ExclusiveOrders,
    ExclusivePreview,
    ExclusiveRequest,
    exclusive_preview_model,
    group_of,
)
from market.http.order_answers import order_model
from market.http.problems import documented
from market.http.services import Market, Services
from market.http.strict_route import StrictRoute
from market.orders.exclusive_orders import place_exclusive, preview_exclusive
from market.participants.keys import Caller

router = APIRouter(prefix="/v1/orders/exclusive", tags=["orders"], route_class=StrictRoute)


def _buying(who: Selling) -> Caller:
    require(who, "trade")
    return who


Buying = Annotated[Caller, Depends(_buying)]


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def place(body: ExclusiveRequest, who: Buying, market: Market) -> ExclusiveOrders:
    """Place bids of one zone of which only one is to trade. They enter in this order, all or none.

    As soon as one of them trades, be it in part, the others are canceled in the same step, with the reason
    `exclusive_group`; the one that traded stays for its rest. Together they reserve what the dearest of them needs.
    """
    group = await _group(body, who, market)
    return ExclusiveOrders(orders=[order_model(row) for row in await place_exclusive(market.engine, group)])


@router.post("/preview", responses=documented(401, 403, 404, 422, 503))
async def preview(body: ExclusiveRequest, who: Buying, market: Market) -> ExclusivePreview:
    """What placing these bids would do now: which of them would trade, and what would become of each. What would be
    refused is refused here with the same problem. A moment later the book may be another."""
    group = await _group(body, who, market)
    return exclusive_preview_model(await preview_exclusive(market.engine, group), body)


async def _group(body: ExclusiveRequest, who: Caller, market: Services) -> PlaceGroup:
    for number, bid in enumerate(body.bids):
        with at_place(number):
            await market.instruments.expect(bid.instrument)
    return group_of(body, who.participant, market.clock.now_ms())
