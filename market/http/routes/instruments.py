"""Instruments and slice classes: what there is to trade, and the operator's hand on it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from common.price import Price
from market.http.auth import Operating, Reading
from market.http.fields import (
    HourlyText,
    Label,
    PriceText,
    Rate,
    Request,
)
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.instruments import instruments as use
from market.instruments.slice_classes import SliceClass, add_class, list_classes

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["instruments"])

_Count = Annotated[int, Field(ge=0, le=1_000_000)]
_Minutes = Annotated[int, Field(ge=1, le=10_000_000, description="minutes")]
_Deadline = Annotated[
    int,
    Field(ge=0, le=1440, description="minutes that a guest may take to become ready without loss of its bond"),
]
Mode = Literal["open", "post_only", "cancel_only", "halted"]
Code = Annotated[str, Path(min_length=1, max_length=200, description="zone.class.firmness", examples=["fra1.std.firm"])]


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
    delivery_deadline_minutes: _Deadline = 5
    bond_ppm: Rate = 200_000
    release_ppm: Rate = 200_000
    break_ppm: Rate = 100_000


class InstrumentModel(BaseModel):
    """An instrument. Lengths in minutes, prices per slice-hour, rates in parts per million."""

    code: str
    zone: str
    slice_class: str
    firmness: str
    mode: Mode
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


class InstrumentChange(Request):
    """What is to be different. What is absent or null stays as it is; a tick never changes."""

    mode: Mode | None = Field(
        default=None,
        description="open; post_only: nothing that would trade at once enters; cancel_only and halted: nothing enters",
    )
    price_min: PriceText | None = None
    price_max: PriceText | None = None
    min_minutes: _Minutes | None = None
    max_minutes: _Minutes | None = None
    horizon_minutes: _Minutes | None = Field(default=None, description="how many minutes ahead a window may end")
    delivery_deadline_minutes: _Deadline | None = None
    bond_ppm: Rate | None = None
    release_ppm: Rate | None = None
    break_ppm: Rate | None = None


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


@router.patch("/instruments/{code}", responses=documented(401, 403, 404, 422))
def change_instrument(code: Code, body: InstrumentChange, who: Operating, market: Market) -> InstrumentModel:
    """Change an instrument's mode, limits or rates, for orders that enter from now on.

    What rests stays, and contracts keep the terms that they were made on.
    """
    changes = body.model_dump(exclude_none=True)
    for name in ("price_min", "price_max"):
        if name in changes:
            changes[f"{name}_micros"] = Price.parse_hourly(changes.pop(name), field=name).micros
    return _model(market.write(lambda connection: use.change_instrument(connection, code, changes)))


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
