from __future__ import annotations

import pytest

from market.engine import fence as fencing
from market.engine.fence import Fenced
from market.engine.recovery import recover
from tests.market.factories import ZONE, World, order


def test_an_engine_that_stood_still_before_it_recovered_is_fenced(world: World) -> None:
    """Its successor has gone on: that is no hole in the journal."""
    provider = world.provider()
    node = world.node(provider)
    with world.begin() as connection:
        overtaken = fencing.acquire(connection, ZONE, "stood still", lease_seconds=-1)
    assert overtaken is not None
    order(world.engine("successor").process([world.ask(provider, node)]))
    with world.begin() as connection, pytest.raises(Fenced):
        recover(connection, overtaken, lambda: None)
