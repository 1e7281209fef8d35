"""What has happened in an instrument: candles of its trades, and how well it was delivered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from common.minutes import minute_text, parse_minute
from common.price import Price
from market.http.auth import Reading
from market.http.cursors import number_cursor
from market.http.fields import After, HourlyText, InstantText, Limit, Page, WholeNumber
from market.http.problems import documented
from market.http.routes.instruments import Code
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.instruments.candles import list_candles
from market.instruments.instruments import get_instrument
from market.instruments.quality import quality as quality_of

router = APIRouter(prefix="/v1/instruments", tags=["instruments"], route_class=StrictRoute)

_MINUTES_PER_DAY = 1_440
_Interval = Annotated[int, Query(ge=1, le=10_080, description="minutes of market time of a candle"), WholeNumber]
_Start = Annotated[InstantText | None, Query(description="first candle: the one that this minute lies in")]
_Days = Annotated[int, Query(ge=1, le=366, description="contracts that began in the last so many days"), WholeNumber]


class CandleModel(BaseModel):
    """Trades of [start, start + interval): prices per slice-hour, volume in slice-minutes."""

    start: InstantText
    open: HourlyText
    high: HourlyText
    low: HourlyText
    close: HourlyText
    volume: int = Field(description="slice-minutes")
    trades: int


class QualityModel(BaseModel):
    """How well an instrument was delivered."""

    instrument: str
    since: InstantText
    contracts: int = Field(description="that began since, one guest each; without those that were busted")
    contracted_minutes: int = Field(
        description="of their windows that have passed, without what was released or reclaimed; failures owe the rest"
    )
    delivered_minutes: int = Field(description="as metered; reports come a minute or two after the minute")
    delivered_ppm: int | None = Field(description="delivered of contracted minutes, parts per million")
    due: int = Field(description="contracts whose delivery deadline has passed")
    ready_on_time: int = Field(description="those whose guest was ready until then")
    failed: int = Field(description="contracts that ended because they were not delivered")


@router.get("/{code}/candles", responses=documented(401, 403, 404, 422))
def candles(
    code: Code,
    who: Reading,
    connection: Reader,
    interval: _Interval = 60,
    start: _Start = None,
    after: After = "",
    limit: Limit = 100,
) -> Page[CandleModel]:
    """Candles in order of time, without those in which nothing traded. The newest may still be growing.

    A page spans `limit` intervals; a cursor goes with the interval that it was made for.
    """
    get_instrument(connection, code)
    begin = 0 if start is None else parse_minute(start, field="start") // interval * interval
    part = list_candles(connection, code, interval, max(begin, number_cursor(after)), limit)
    items = [
        CandleModel(
            start=minute_text(candle.start_minute),
            open=Price(candle.open_micros).hourly(),
            high=Price(candle.high_micros).hourly(),
            low=Price(candle.low_micros).hourly(),
            close=Price(candle.close_micros).hourly(),
            volume=candle.slice_minutes,
            trades=candle.trades,
        )
        for candle in part.candles
    ]
    return Page(items=items, next=None if part.next_minute is None else str(part.next_minute))


@router.get("/{code}/quality", responses=documented(401, 403, 404, 422))
def quality(code: Code, who: Reading, connection: Reader, market: Market, days: _Days = 30) -> QualityModel:
    """How well the instrument was delivered by all who sell it."""
    get_instrument(connection, code)
    minute = market.clock.minute()
    since = minute - days * _MINUTES_PER_DAY
    found = quality_of(connection, code, since, minute)
    owed = found.contracted_minutes
    return QualityModel(
        instrument=code,
        since=minute_text(since),
        contracts=found.contracts,
        contracted_minutes=owed,
        delivered_minutes=found.delivered_minutes,
        delivered_ppm=min(1_000_000, found.delivered_minutes * 1_000_000 // owed) if owed > 0 else None,
        due=found.due,
        ready_on_time=found.ready_on_time,
        failed=found.failed,
    )
