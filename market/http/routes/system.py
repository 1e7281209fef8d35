"""Health, readiness and the time."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from common.errors import Unavailable
from common.minutes import instant_text, minute_text
from market.http.problems import documented
from market.http.services import Market
from market.http.strict_route import StrictRoute

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


@router.get("/v1/time")
async def time(market: Market) -> TimeModel:
    """The market's clock."""
    clock = market.clock
    return TimeModel(
        now=instant_text(clock.now().replace(microsecond=0)),
        next_minute=minute_text(clock.minute() + 1),
        speed=clock.anchor.speed,
    )
