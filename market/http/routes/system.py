"""Health, readiness, the time, and figures for a monitor."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from common.errors import Unavailable
from common.minutes import instant_text, minute_text
from market.http.problems import documented
from market.http.services import Market
from market.http.strict_route import StrictRoute
from market.metrics.figures import MEDIA_TYPE, Figure, exposition
from market.metrics.of_bus import figures_of_bus, figures_of_engines
from market.metrics.of_database import figures_of_database
from market.tables import instrument

router = APIRouter(route_class=StrictRoute, tags=["system"])


class Health(BaseModel):
    """All is well."""

    status: str = "ok"


class TimeModel(BaseModel):
    """Market time, which may run faster than real time."""

    now: str
    next_minute: str = Field(description='"now" for an order: the earliest start of a contract')
    speed: int = Field(description="market seconds in a real second")


@router.get("/healthz")
async def healthz() -> Health:
    """This process answers."""
    return Health()


@router.get("/readyz", responses=documented(503))
def readyz(market: Market) -> Health:
    """This process can serve: the database and the bus answer."""
    with market.database.begin() as connection:
        connection.execute(select(1))
    if not market.bus.is_connected:
        raise Unavailable("bus_unavailable", "the message bus is not connected")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "the page", "content": {"text/plain": {}}}, **documented(503)},
)
async def metrics(market: Market) -> Response:
    """Figures for a monitor, in the text form that Prometheus reads. They need no key: they name nobody."""
    at_micros = market.clock.now_micros()

    def read(connection: Connection) -> tuple[list[Figure], list[str]]:
        zones = connection.execute(select(instrument.c.zone).distinct().order_by(instrument.c.zone)).scalars()
        return list(figures_of_database(connection, at_micros)), list(zones)

    (figures, zones), of_bus = await asyncio.gather(
        asyncio.to_thread(market.write, read),
        figures_of_bus(market.bus),
    )
    figures += of_bus + await figures_of_engines(market.engine, zones)
    return Response(exposition(figures), media_type=MEDIA_TYPE)


@router.get("/v1/time")
async def time(market: Market) -> TimeModel:
    """The market's clock."""
    clock = market.clock
    return TimeModel(
        now=instant_text(clock.now().replace(microsecond=0)),
        next_minute=minute_text(clock.minute() + 1),
        speed=clock.anchor.speed,
    )
