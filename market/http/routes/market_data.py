"""What happens in an instrument: its book and its trades."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from common.errors import InvalidInput
from common.minutes import minute_text, parse_minute
from common.price import Price
from market.engine.reads import BookQuestion
from market.http.auth import Reading
from market.http.cursors import pair_cursor
from market.http.fields import After, HourlyText, InstantText, Limit, Page, WholeNumber, next_cursor
from market.http.problems import documented
from market.http.routes.instruments import Code
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.instruments import instruments as use
from market.orders.read_orders import list_trades

router = APIRouter(prefix="/v1", tags=["instruments"], route_class=StrictRoute)

_Duration = Annotated[
    int | None, Query(ge=1, le=10_000_000, description="minutes; asks what could execute"), WholeNumber
]
_Start = Annotated[InstantText | None, Query(description="of such guests; else the next whole minute")]
_SlicesPerGuest = Annotated[int | None, Query(ge=1, le=1024, description="of such guests; else 1"), WholeNumber]


class Level(BaseModel):
    """All that rests at one price."""

    price: HourlyText
    slices: int = Field(description="bids: slices still wanted; asks: the most slices free at some minute")


class Executable(BaseModel):
    """How many guests trade at one price."""

    price: HourlyText
    guests: int


class Book(BaseModel):
    """The committed book of an instrument: the best 200 prices of each side, best first."""

    instrument: str
    bids: list[Level]
    asks: list[Level]
    executable: list[Executable] | None = Field(
        default=None, description="what a bid for guests of `duration`, starting at `start`, would really trade now"
    )


class TradeModel(BaseModel):
    """A trade: `guests` guests of `slices_per_guest` slices from `start` to `end`."""

    id: str
    price: HourlyText
    start: InstantText
    end: InstantText
    guests: int
    slices_per_guest: int
    taker_side: str
    at: InstantText


@router.get("/instruments/{code}/book", responses=documented(401, 403, 404, 422, 503))
async def book(
    code: Code,
    who: Reading,
    market: Market,
    duration: _Duration = None,
    start: _Start = None,
    slices_per_guest: _SlicesPerGuest = None,
) -> Book:
    """Price levels of the book as of the last commit; with `duration`, also what such a bid could execute."""
    if duration is None and (start is not None or slices_per_guest is not None):
        raise InvalidInput("missing_field", "what could execute needs a duration", field="duration")
    await asyncio.to_thread(market.instruments.check, code)
    start_minute = None if start is None else parse_minute(start, field="start")
    question = BookQuestion(code, start_minute, duration, slices_per_guest or 1)
    told = await market.engine.ask(use.zone_of(code), question)
    sides = {
        side: [Level(price=Price(price).hourly(), slices=slices) for price, slices in told[side]]
        for side in ("bids", "asks")
    }
    executable = told.get("executable")
    if executable is not None:
        executable = [Executable(price=Price(price).hourly(), guests=guests) for price, guests in executable]
    return Book(instrument=code, **sides, executable=executable)


@router.get("/instruments/{code}/trades", responses=documented(401, 403, 404, 422))
def trades(code: Code, who: Reading, connection: Reader, after: After = "", limit: Limit = 100) -> Page[TradeModel]:
    """Trades in execution order."""
    use.get_instrument(connection, code)
    rows = list_trades(connection, code, pair_cursor(after), limit)
    items = [
        TradeModel(
            id=f"{row['sequence']}.{row['ordinal']}",
            price=Price(row["price_micros"]).hourly(),
            start=minute_text(row["start_minute"]),
            end=minute_text(row["end_minute"]),
            guests=row["guests"],
            slices_per_guest=row["slices_per_guest"],
            taker_side=row["taker_side"],
            at=minute_text(row["at_micros"] // 60_000_000),
        )
        for row in rows
    ]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))
