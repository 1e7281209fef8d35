"""Whoever is on both sides of its contracts gains nothing by it, whatever it does with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.engine.batch import BatchProcessor
from nestex.books import first_difference
from tests.market.contracts.gang import SPOT, Gang, open_spot
from tests.market.factories import World, order

DEAR = 20_000
moves = st.one_of(
    st.tuples(st.just("deal"), st.sampled_from((1, 7, 1755, 9999)), st.integers(1, 4), st.integers(1, 60)),
    st.tuples(st.just("pass_time"), st.lists(st.sampled_from((0, 1, 30, 59, 60)), min_size=1, max_size=8)),
    st.tuples(st.just("fail")),
    st.tuples(st.just("decoy"), st.sampled_from((8000, 3 * DEAR))),
    st.tuples(st.just("end"), st.sampled_from(("release", "reclaim"))),
    st.tuples(st.just("settle")),
)


@pytest.fixture
def engine(world: World) -> BatchProcessor:
    """Of a market where somebody else offers dearly: what a buyer whose guest fails would have to pay."""
    open_spot(world)
    other, processor = world.provider(10**12), world.engine()
    fields = {"instrument": SPOT.code, "price_micros": DEAR, "available_until": world.minute + 50_000}
    order(processor.process([world.ask(other, world.node(other), **fields)]))
    return processor


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(moves, min_size=2, max_size=12))
def test_two_accounts_never_have_more_together_and_lose_what_the_market_takes(
    world: World, engine: BatchProcessor, history: list[tuple[Any, ...]]
) -> None:
    gang = Gang(world, engine)
    began = gang.money()
    for name, *given_ in history:
        getattr(gang, name)(*given_)
        assert gang.money() == began - gang.paid_to_the_market() <= began
    gang.close()
    assert gang.held() == 0
    assert gang.money() == began - gang.paid_to_the_market() <= began
    assert first_difference(world.database) is None


def test_who_fails_its_guests_to_sell_the_slices_again_has_less_than_who_delivers(
    world: World, engine: BatchProcessor
) -> None:
    """The buyer is somebody else here. The second sale is dearer by three quarters of the bond's rate; what it earned
    is with its VAT."""

    def earned(*, fails: bool) -> int:
        pair = Gang(world, engine)
        pair.deal(1000, 4, 60)
        pair.pass_time([0, 60, 60])
        if fails:
            pair.fail()
            pair.deal(1000 + 1000 * SPOT.bond_ppm * 3 // 4_000_000, 4, 57)
        pair.pass_time([60] * 60)
        pair.close()
        assert [row.state for row in pair.contracts()] == (["completed", "failed"] if fails else ["completed"])
        return pair.money_of(pair.provider)

    assert earned(fails=True) < earned(fails=False)
