"""The dead-man timer of a participant's orders."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from common.minutes import instant_text
from market.http.auth import Reading, Trading
from market.http.fields import Request
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.orders.cancel_timer import LONGEST_SECONDS, CancelTimer, read_timer, set_timer

router = APIRouter(route_class=StrictRoute, prefix="/v1/orders", tags=["orders"])


class CancelAfterRequest(Request):
    """Cancel all your open orders unless this is asked for again in time."""

    seconds: int = Field(ge=0, le=LONGEST_SECONDS, description="real seconds from now; 0 switches the timer off")


class CancelAfterModel(BaseModel):
    """Your timer; `cancels_at` is null when none runs."""

    seconds: int
    cancels_at: str | None = Field(description="real time")


@router.post("/cancel-after", responses=documented(401, 403, 409, 422, 503))
async def cancel_after(body: CancelAfterRequest, who: Trading, market: Market) -> CancelAfterModel:
    """Start the timer, or start it again. It outlasts every process of the market.

    When it has run out, all your open orders in all zones are canceled, whoever placed them, and the timer is off. A
    409 means that they are being canceled right now.
    """
    return _model(await set_timer(market.database, market.engine, who.participant, body.seconds))


@router.get("/cancel-after", responses=documented(401, 403))
def timer(who: Reading, connection: Reader) -> CancelAfterModel:
    """How long your orders stay if nobody calls."""
    return _model(read_timer(connection, who.participant))


def _model(timer: CancelTimer | None) -> CancelAfterModel:
    if timer is None:
        return CancelAfterModel(seconds=0, cancels_at=None)
    return CancelAfterModel(seconds=timer.seconds, cancels_at=instant_text(timer.due_at))
