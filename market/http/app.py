"""The app: routes, problems, limits. Services come from outside, so that nothing connects at import."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from market.http import asyncapi, docs_page, openapi, problems
from market.http.limits import RequestLimits
from market.http.order_entry import OrderEntry
from market.http.routes import (
    account,
    cancel_timers,
    contracts,
    disputes,
    documents,
    exclusive_orders,
    exports,
    feed,
    guest_devices,
    guests,
    instruments,
    lineage,
    market_data,
    market_history,
    nodes,
    order_batches,
    orders,
    participants,
    payments,
    periods,
    reseller,
    system,
    volumes,
)
from market.http.services import Services
from market.http.stream import route as stream

_ROUTERS = (
    cancel_timers.router,  # before the orders, whose addresses end in an id
    orders.router,
    exclusive_orders.router,
    order_batches.router,
    contracts.router,
    guests.router,
    guest_devices.router,
    volumes.router,
    instruments.router,
    market_data.router,
    market_history.router,
    participants.router,
    nodes.router,
    reseller.router,
    account.router,
    payments.router,
    disputes.router,
    lineage.router,
    documents.router,
    exports.router,
    periods.router,
    feed.router,
    system.router,
    stream.router,
)

_DESCRIPTION = """
A spot exchange for slices of virtual machines that somebody has already paid for.

Prices are decimal strings per **slice-hour**, amounts decimal strings, quantities integers, instants RFC 3339 in UTC on
whole **market minutes** (`GET /v1/time`: the market's clock may run faster than real time). Errors are RFC 9457 problem
details with a stable `code`. A write answers after it is committed, never before, and can be sent again under the same
`Idempotency-Key` (orders: `client_order_id`) when its answer was lost.
"""


def create_app(services: Services) -> FastAPI:
    """The market's HTTP interface, version 1."""
    app = FastAPI(
        title="Nestex",
        version=version("nestex"),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses=openapi.ANYWHERE,
        strict_content_type=False,  # StrictRoute looks at it
        redirect_slashes=False,  # else DELETE of an order whose id is empty would lead to DELETE of all
        separate_input_output_schemas=False,  # a preview's order is a body to send
    )
    app.state.services = services
    app.add_middleware(OrderEntry)
    app.add_middleware(RequestLimits)
    problems.install(app)
    docs_page.install(app)
    openapi.install(app)
    asyncapi.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    return app
