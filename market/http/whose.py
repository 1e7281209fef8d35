"""Whose papers, and of which month: what calls of a finance department have in common."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from common.minutes import month_of, month_window
from market.http.auth import require
from market.participants.keys import Caller

AnyMonth = Annotated[str | None, Query(max_length=7, description="YYYY-MM, UTC; without it, every month")]
Everybody = Annotated[bool, Query(description="the whole market's, for its operator")]


def owner_asked_for(who: Caller, *, everybody: bool) -> str | None:
    """The participant, or None for everybody. Raises Forbidden unless the caller is the operator then."""
    if not everybody:
        return who.participant
    require(who, "operate")
    return None


def month_asked_for(month: str | None) -> str | None:
    """The month as it is written everywhere. Raises InvalidInput for none."""
    return None if month is None else month_of(month_window(month).start)
