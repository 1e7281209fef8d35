"""Whoever is on both sides of its contracts gains nothing by it, whatever it does with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nestex.books import first_difference
from tests.market.contracts.gang import SPOT, Gang, Rival, open_spot
from tests.market.factories import World

moves = st.one_of(
    st.tuples(st.just("deal"), st.sampled_from((1, 7, 1755, 9999)), st.integers(1, 4), st.integers(1, 60)),
    st.tuples(st.just("pass_time"), st.lists(st.sampled_from((0, 1, 30, 59, 60)), min_size=1, max_size=8)),
    st.tuples(st.just("resell"), st.sampled_from((1, 1755, 9999))),
    st.tuples(st.just("grow"), st.sampled_from((1, 1755, 9999)), st.integers(1, 3)),
    st.tuples(st.just("shrink")),
    st.tuples(st.just("fail")),
    st.tuples(st.just("decoy"), st.sampled_from((8000, 60_000))),
    st.tuples(st.just("end"), st.sampled_from(("release", "reclaim"))),
    st.tuples(st.just("settle")),
)


@pytest.fixture
def rival(world: World) -> Rival:
    """In a market with an instrument whose contracts may be taken back."""
    open_spot(world)
    return Rival(world, world.engine())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(moves, min_size=2, max_size=12))
@example(history=[("deal", 1755, 2, 50), ("resell", 9999), ("pass_time", [60, 60]), ("resell", 1), ("fail",)])
@example(
    history=[("deal", 9999, 2, 40), ("pass_time", [60, 60, 60]), ("fail",), ("pass_time", [60]), ("end", "release")]
)
@example(
    history=[
        ("deal", 1, 2, 50),
        ("grow", 9999, 3),
        ("pass_time", [60, 0, 30]),
        ("grow", 1, 2),
        ("decoy", 60_000),
        ("fail",),
    ]
)
@example(
    history=[("deal", 9999, 2, 40), ("grow", 1, 3), ("pass_time", [60]), ("shrink",), ("grow", 1755, 3), ("fail",)]
)
def test_accounts_of_one_hand_never_have_more_together_and_lose_what_others_get(
    world: World, rival: Rival, history: list[tuple[Any, ...]]
) -> None:
    gang = Gang(world, rival)
    began = gang.money()
    for name, *given_ in history:
        getattr(gang, name)(*given_)
        assert gang.money() == began - gang.paid_to_others() <= began
    gang.close()
    assert gang.held() == 0
    assert gang.money() == began - gang.paid_to_others() <= began
    assert first_difference(world.database) is None


def test_who_fails_its_guests_to_sell_the_slices_again_has_less_than_who_delivers(world: World, rival: Rival) -> None:
    """The buyer is somebody else here. The second sale is dearer by three quarters of the bond's rate; what it earned
    is with its VAT."""

    def earned(*, fails: bool) -> int:
        pair = Gang(world, rival)
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
