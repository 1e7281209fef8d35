"""Instruments: zone x slice class x firmness, with the limits and rates that every order and contract in it obeys."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from common.errors import Conflict, InvalidInput, NotFound
from market.tables import instrument, slice_class


@dataclass(frozen=True, slots=True)
class Instrument:
    """Prices in micro-units per slice-minute, lengths in minutes, rates in parts per million."""

    zone: str
    slice_class: str
    firmness: str
    mode: str = "open"
    tick_micros: int = 1
    price_min_micros: int = 1
    price_max_micros: int = 1_000_000
    min_minutes: int = 1
    max_minutes: int = 43_200
    horizon_minutes: int = 129_600
    delivery_deadline_minutes: int = 5
    bond_ppm: int = 200_000
    release_ppm: int = 200_000
    break_ppm: int = 100_000

    @property
    def code(self) -> str:
        """Its name on the market: `fra1.std.firm`."""
        return f"{self.zone}.{self.slice_class}.{self.firmness}"


def create_instrument(connection: Connection, created: Instrument) -> None:
    """Raises NotFound for an unknown class, Conflict when it exists, InvalidInput when its numbers contradict
    another."""
    _check(created)
    kind = select(slice_class.c.kind).where(slice_class.c.name == created.slice_class)
    known = connection.execute(kind).scalar_one_or_none()
    if known is None:
        raise NotFound("not_found", f"there is no slice class {created.slice_class}", field="slice_class")
    values = dataclasses.asdict(created) | {"code": created.code}
    inserted = insert(instrument).values(**values).on_conflict_do_nothing().returning(instrument.c.code)
    if connection.execute(inserted).one_or_none() is None:
        raise Conflict("already_exists", f"there is an instrument {created.code} already", field="zone")


def change_instrument(connection: Connection, code: str, changes: Mapping[str, Any]) -> Instrument:
    """The instrument with other values in these fields; orders that rest and contracts keep what they were entered on.

    Raises NotFound, and InvalidInput when its numbers contradict another. Its tick and what it is made of never change.
    """
    locked = select(instrument).where(instrument.c.code == code).with_for_update()
    row = connection.execute(locked).mappings().one_or_none()
    if row is None:
        raise unknown_instrument(code)
    changed = dataclasses.replace(_instrument(row), **changes)
    _check(changed)
    if changes:
        connection.execute(instrument.update().where(instrument.c.code == code).values(**changes))
    return changed


def list_instruments(connection: Connection) -> list[Instrument]:
    """All instruments by code."""
    return [_instrument(row) for row in connection.execute(select(instrument).order_by(instrument.c.code)).mappings()]


def get_instrument(connection: Connection, code: str) -> Instrument:
    """Raises NotFound."""
    row = connection.execute(select(instrument).where(instrument.c.code == code)).mappings().one_or_none()
    if row is None:
        raise unknown_instrument(code)
    return _instrument(row)


def existing_codes(connection: Connection, codes: Collection[str]) -> set[str]:
    """Those of the codes that are instruments."""
    query = select(instrument.c.code).where(instrument.c.code.in_(codes))
    return set(connection.execute(query).scalars())


def unknown_instrument(code: str) -> NotFound:
    """The error for a code that is no instrument's."""
    return NotFound("not_found", f"there is no instrument {code}", field="instrument")


def zone_of(code: str) -> str:
    """The zone, and with it the shard, of an instrument's code. Raises NotFound for what cannot be one."""
    parts = code.split(".")
    if len(parts) != 3 or not all(parts):
        raise unknown_instrument(code)
    return parts[0]


def _check(created: Instrument) -> None:
    if created.price_max_micros < created.price_min_micros:
        raise InvalidInput("invalid_field", "the highest price lies below the lowest", field="price_max")
    if created.max_minutes < created.min_minutes:
        raise InvalidInput("invalid_field", "the longest duration lies below the shortest", field="max_minutes")
    if created.firmness == "spot" and created.bond_ppm < created.break_ppm:
        raise InvalidInput(
            "invalid_field",
            "a spot instrument's bond rate is at least its break rate",
            field="bond_ppm",
            limit=created.break_ppm,
        )


def _instrument(row: object) -> Instrument:
    return Instrument(**{field.name: row[field.name] for field in dataclasses.fields(Instrument)})  # type: ignore[index]  # a row mapping
