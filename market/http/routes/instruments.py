"""Instruments and slice classes, with their books and trades."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from common.minutes import minute_text, parse_minute
from common.price import Price
from market.engine.reads import BookQuestion
from market.http.auth import Operating, Reading
from market.http.cursors import pair_cursor
from market.http.fields import (
    After,
    HourlyText,
    InstantText,
    Label,
    Limit,
    Page,
    PriceText,
    Rate,
    Request,
    next_cursor,
)
from market.http.problems import documented
from market.http.services import Market, Reader
from market.instruments import instruments as use
from market.instruments.slice_classes import SliceClass, add_class, list_classes
from market.orders.read_orders import list_trades

router = APIRouter(prefix="/v1", tags=["instruments"])

_Count = Annotated[int, Field(ge=0, le=1_000_000)]
_Minutes = Annotated[int, Field(ge=1, le=10_000_000, description="minutes")]
Code = Annotated[str, Path(max_length=200, description="zone.class.firmness", examples=["fra1.std.firm"])]


class SliceClassModel(Request):
    """The resources of one slice: the unit of trade."""

    name: Label
    kind: Literal["guest", "volume"] = "guest"
    vcpus: _Count
    memory_mib: _Count
    disk_gib: _Count
    cpu_shares: int = Field(default=1024, ge=2, le=262_144, description="CPU weight of the guest; 1024 is ordinary")


class InstrumentRequest(Request):
    """What is traded: slices of a class in a zone, firm or spot. Prices are per slice-hour."""

    zone: Label
    slice_class: Label
    firmness: Literal["firm", "spot"]
    tick: PriceText = "0.00006"
    price_min: PriceText = "0.00006"
    price_max: PriceText = "60"
    min_minutes: _Minutes = 1
    max_minutes: _Minutes = 43_200
    horizon_minutes: _Minutes = Field(default=129_600, description="how many minutes ahead a window may end")
    delivery_deadline_minutes: int = Field(
        default=5, ge=0, le=1440, description="minutes that a guest may take to become ready without loss of its bond"
    )
    bond_ppm: Rate = 200_000
    release_ppm: Rate = 200_000
    break_ppm: Rate = 100_000


class InstrumentModel(BaseModel):
    """An instrument. Lengths in minutes, prices per slice-hour, rates in parts per million."""

    code: str
    zone: str
    slice_class: str
    firmness: str
    mode: str
    tick: HourlyText
    price_min: HourlyText
    price_max: HourlyText
    min_minutes: int
    max_minutes: int
    horizon_minutes: int
    delivery_deadline_minutes: int
    bond_ppm: int
    release_ppm: int
    break_ppm: int


class Level(BaseModel):
    """All that rests at one price."""

    price: HourlyText
    slices: int = Field(description="bids: slices still wanted; asks: the most slices free at some minute")


class Executable(BaseModel):
    """How many guests trade at one price."""

    price: HourlyText
    guests: int


class Book(BaseModel):
    """The committed book of an instrument, best prices first."""

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


@router.get("/classes", responses=documented(401, 403))
def classes(who: Reading, connection: Reader) -> list[SliceClassModel]:
    """All slice classes."""
    return [SliceClassModel.model_validate(known, from_attributes=True) for known in list_classes(connection)]


@router.post("/classes", status_code=201, responses=documented(401, 403, 409, 422))
def create_class(body: SliceClassModel, who: Operating, market: Market) -> SliceClassModel:
    """Add a slice class."""
    market.write(lambda connection: add_class(connection, SliceClass(**body.model_dump())))
    return body


@router.get("/instruments", responses=documented(401, 403))
def instruments(who: Reading, connection: Reader) -> list[InstrumentModel]:
    """All instruments."""
    return [_model(known) for known in use.list_instruments(connection)]


@router.post("/instruments", status_code=201, responses=documented(401, 403, 404, 409, 422))
def create_instrument(body: InstrumentRequest, who: Operating, market: Market) -> InstrumentModel:
    """Open a new instrument for trading."""
    numbers = body.model_dump(exclude={"tick", "price_min", "price_max"})
    created = use.Instrument(
        **numbers,
        tick_micros=Price.parse_hourly(body.tick, field="tick").micros,
        price_min_micros=Price.parse_hourly(body.price_min, field="price_min").micros,
        price_max_micros=Price.parse_hourly(body.price_max, field="price_max").micros,
    )
    market.write(lambda connection: use.create_instrument(connection, created))
    return _model(created)


@router.get("/instruments/{code}", responses=documented(401, 403, 404, 422))
def instrument(code: Code, who: Reading, connection: Reader) -> InstrumentModel:
    """One instrument."""
    return _model(use.get_instrument(connection, code))


@router.get("/instruments/{code}/book", responses=documented(401, 403, 404, 422, 503))
async def book(
    code: Code,
    who: Reading,
    market: Market,
    duration: Annotated[int | None, Query(ge=1, le=10_000_000, description="minutes; asks what could execute")] = None,
    start: Annotated[InstantText | None, Query(description="of such guests; else the next whole minute")] = None,
    slices_per_guest: Annotated[int, Query(ge=1, le=1024)] = 1,
) -> Book:
    """Price levels of the book as of the last commit; with `duration`, also what such a bid could execute."""
    await asyncio.to_thread(market.instruments.check, code)
    start_minute = None if start is None else parse_minute(start, field="start")
    question = BookQuestion(code, start_minute, duration, slices_per_guest)
    told = await market.engine.book(use.zone_of(code), question)
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


def _model(known: use.Instrument) -> InstrumentModel:
    return InstrumentModel(
        code=known.code,
        tick=Price(known.tick_micros).hourly(),
        price_min=Price(known.price_min_micros).hourly(),
        price_max=Price(known.price_max_micros).hourly(),
        **{
            name: getattr(known, name)
            for name in InstrumentModel.model_fields
            if hasattr(known, name) and name != "code"
        },
    )
