from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from common.errors import Conflict, InvalidInput, NotFound
from market.instruments.instruments import Instrument, create_instrument, get_instrument, zone_of
from tests.market.factories import INSTRUMENT, World

SPOT = Instrument(zone="fra1", slice_class="mem", firmness="spot")


def test_an_instrument_is_found_by_its_code(world: World) -> None:
    with world.begin() as connection:
        create_instrument(connection, SPOT)
        assert get_instrument(connection, "fra1.mem.spot") == SPOT


def test_an_instrument_exists_once(world: World) -> None:
    with world.begin() as connection, pytest.raises(Conflict):
        create_instrument(connection, INSTRUMENT)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"slice_class": "gpu"}, NotFound),
        ({"price_min_micros": 10, "price_max_micros": 9}, InvalidInput),
        ({"min_minutes": 10, "max_minutes": 9}, InvalidInput),
        ({"bond_ppm": 99_999}, InvalidInput),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(
    world: World, change: dict[str, Any], error: type[Exception]
) -> None:
    with world.begin() as connection, pytest.raises(error):
        create_instrument(connection, dataclasses.replace(SPOT, **change))


@pytest.mark.parametrize("code", ["", "fra1", "fra1.std", "a.b.c.d", "..firm", "fra1..firm"])
def test_what_can_be_no_code_is_not_found(code: str) -> None:
    with pytest.raises(NotFound):
        zone_of(code)
