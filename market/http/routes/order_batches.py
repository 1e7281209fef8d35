"""Many orders in one call, and an order that is only tried."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from common.errors import NestexError
from market.engine.commands import Placement
from market.http.auth import Selling, require
from market.http.fields import Request
from market.http.order_answers import BatchResults, PlacedOrder, Preview, RefusedOrder, order_model, preview_model
from market.http.order_requests import AskRequest, BidRequest, GuestRequest, OrderRequest
from market.http.placements import placement_of, time_in_force_of
from market.http.problems import ProblemDetails, documented, problem_of, problem_of_validation
from market.http.services import Market, Services
from market.http.strict_route import StrictRoute
from market.instruments.instruments import unknown_instrument
from market.orders.place_order import Placed, place_orders
from market.orders.preview_order import preview_order
from market.participants.keys import Caller

router = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=StrictRoute)

MOST_ORDERS = 1000

_one_order: TypeAdapter[OrderRequest] = TypeAdapter(OrderRequest)


def _later(value: Any, parse: ValidatorFunctionWrapHandler) -> Any:
    """An order of a batch as it came: it is parsed on its own, so that a fault in it concerns no other."""
    return value


class BatchRequest(Request):
    """Orders, each answered on its own, as if it had come alone."""

    orders: list[Annotated[OrderRequest, WrapValidator(_later)]] = Field(min_length=1, max_length=MOST_ORDERS)


@router.post("/batch", responses=documented(401, 403, 422))
async def place_batch(body: BatchRequest, who: Selling, market: Market) -> BatchResults:
    """Place up to 1000 orders, in up to 2 MiB. They enter in this order, and each has its result: the order as it
    stands after the commit, or its problem, with the code that the single call would give.

    A result with the status 503 means that the outcome of this order is unknown.
    """
    entries = await asyncio.to_thread(_entries, body.orders, who, market)
    outcomes = await place_orders(market.engine, [entry for entry in entries if not isinstance(entry, ProblemDetails)])
    placed = iter(outcomes)
    return BatchResults(
        results=[
            RefusedOrder(problem=entry) if isinstance(entry, ProblemDetails) else _result(next(placed))
            for entry in entries
        ]
    )


@router.post("/preview", responses=documented(401, 403, 404, 422, 503))
async def preview(body: OrderRequest, who: Selling, market: Market) -> Preview:
    """What placing this order would do now: its outcome, its trades, and the body to place it with. What would be
    refused is refused here with the same problem. A moment later the book may be another."""
    if isinstance(body, BidRequest):
        require(who, "trade")
    await market.instruments.expect(body.instrument)
    placement = placement_of(body, who.participant, market.clock.now_ms())
    defaults: dict[str, Any] = {"time_in_force": time_in_force_of(body)}
    if isinstance(body, BidRequest) and body.volume is None:
        defaults["guest"] = body.guest or GuestRequest()
    written_out = body.model_copy(update=defaults)
    return preview_model(await preview_order(market.engine, placement), written_out)


def _entries(values: Sequence[Any], who: Caller, market: Services) -> list[Placement | ProblemDetails]:
    """For each order of a batch the command that enters it, or why there is none."""
    parsed = [_parsed(value) for value in values]
    named = {body.instrument for body in parsed if not isinstance(body, ProblemDetails)}
    known = market.instruments.known(named)
    return [body if isinstance(body, ProblemDetails) else _entry(body, who, market, known) for body in parsed]


def _parsed(value: Any) -> BidRequest | AskRequest | ProblemDetails:
    try:
        return _one_order.validate_python(value)
    except ValidationError as error:
        return problem_of_validation(error.errors(include_url=False))


def _entry(body: BidRequest | AskRequest, who: Caller, market: Services, known: set[str]) -> Placement | ProblemDetails:
    try:
        if isinstance(body, BidRequest):
            require(who, "trade")
        if body.instrument not in known:
            raise unknown_instrument(body.instrument)
        return placement_of(body, who.participant, market.clock.now_ms())
    except NestexError as error:
        return problem_of(error)


def _result(outcome: Placed) -> PlacedOrder | RefusedOrder:
    if isinstance(outcome, NestexError):
        return RefusedOrder(problem=problem_of(outcome))
    return PlacedOrder(order=order_model(outcome))
