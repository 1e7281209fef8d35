"""Billing periods, and their close: long, but in steps, so that it can be watched and taken up again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from billing import periods
from billing.periods import Period
from market.http.auth import Operating, Reading
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["documents"])

_STEPS_AT_ONCE = 5


class PeriodModel(BaseModel):
    """A billing period: a UTC calendar month. A closing one shows how far it has come."""

    month: str
    state: str = Field(description="open, closing or closed")
    contracts: int = Field(description="frozen so far")
    participants: int = Field(description="whose documents are out")


@router.get("/periods", responses=documented(401, 403))
def list_periods(who: Reading, connection: Reader) -> list[PeriodModel]:
    """All periods in which something was sold."""
    return [_model(row) for row in periods.list_periods(connection)]


@router.post("/periods/{month}/close", responses=documented(401, 403, 404, 409, 422))
def close(month: Annotated[str, Path(min_length=1, max_length=7)], who: Operating, market: Market) -> PeriodModel:
    """Close a month whose grace time is over. Each call takes a few steps, so ask again while the answer is `closing`;
    the worker does the same by itself."""
    period = market.write(
        lambda connection: periods.begin(
            connection, month, market.clock.minute(), market.clock.now_micros(), market.settings.grace_minutes
        )
    )
    for _ in range(_STEPS_AT_ONCE):
        if period.state != periods.CLOSED:
            period = market.write(lambda connection: periods.step(connection, month))
    return _model(period)


def _model(row: Period) -> PeriodModel:
    return PeriodModel(month=row.month, state=row.state, contracts=row.contracts, participants=row.participants)
