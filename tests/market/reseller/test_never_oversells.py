"""Whatever buyers, the provider and time do, and whatever is lost on the way: at no minute is more sold and offered
than the node has, nor offered of what its provider keeps back, and what is free is on sale soon after."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from market.tables import reseller
from tests.market.factories import World
from tests.market.reseller.shop import Shop, keep

SLICES = 8
REACH = 60
"""Minutes to come that are looked at."""
PHASES = (Phase.explicit, Phase.generate)
"""Histories that fail are not made smaller: each is a world of its own, which takes long."""
Step = tuple[str, int, int, int]

STEPS = st.tuples(
    st.sampled_from(("buy", "buy", "buy", "ahead", "own", "keep", "lose", "lose", "off", "wait", "strategy")),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 25),
)


@pytest.fixture(scope="module")
def market(module_database: Engine) -> World:
    """One for all histories: each makes its own provider and buys on its own node alone."""
    made = World(module_database)
    made.establish()
    return made


@given(st.lists(STEPS, min_size=4, max_size=10))
@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
def test_a_node_is_never_oversold_and_its_headroom_stays(market: World, history: list[Step]) -> None:
    with market.begin() as connection:
        connection.execute(reseller.update().values(state="off", pending=None))  # of histories before
    shop = Shop(market)
    wishes: dict[str, Any] = {}
    for step in history:
        _play(shop, step, wishes)
        _check_promises(shop)
    shop.engine.fails = ""
    wishes["strategy"] = "fixed"  # the others never come to rest
    shop.put(**wishes)
    _come_to_rest(shop)
    _check_promises(shop)
    _check_headroom(shop, wishes.get("keep", keep(0)).vcpus)
    shop.put(enabled=False, **wishes)
    shop.turn(2)
    assert _of_reseller(shop) == []


def _play(shop: Shop, step: Step, wishes: dict[str, Any]) -> None:
    name, slices, guests, minutes = step
    world = shop.world
    if name in ("buy", "ahead"):
        start = None if name == "buy" else world.minute + minutes
        window = {"duration_minutes": minutes, "start_from": start, "start_by": start}
        shop.buy(guests=guests, slices_per_guest=slices, nodes=(shop.node,), **window)
    elif name == "own":
        until = world.minute + minutes + 1
        own = world.ask(shop.provider, shop.node, slices=slices, price_micros=90_000, available_until=until)
        shop.engine.processor.process([own])
    elif name in ("keep", "strategy"):
        strategy = ("fixed", "undercut", "decay", "zip")[slices - 1]
        wishes |= {"keep": keep(slices)} if name == "keep" else {"strategy": strategy}
        shop.put(**wishes)
    elif name == "lose":
        shop.engine.fails = ("before", "after", "", "")[slices - 1]
    elif name == "off":
        shop.put(enabled=False, **wishes)
        shop.turn()
        shop.put(**wishes)
    shop.turn(minutes // 5 if name == "wait" else 1)


def _come_to_rest(shop: Shop) -> None:
    """Until it has had nothing to do for longer than it is patient after a refusal."""
    quiet = 0
    for _ in range(60):
        quiet = 0 if shop.turn() else quiet + 1
        if quiet > 6:
            return
    raise AssertionError(f"it never comes to rest: {shop.kept().said[-1]}")


def _check_promises(shop: Shop) -> None:
    """No minute is promised twice, as the engine has it and as the contracts say."""
    minutes = shop.world.minute + 1, shop.world.minute + REACH + 2
    both = [sold + free for sold, free in zip(shop.sold(*minutes), shop.offered(*minutes), strict=True)]
    assert max(both) <= SLICES


def _check_headroom(shop: Shop, kept: int) -> None:
    """At rest all that is free is offered, and nothing of what is kept. What was sold before stays sold."""
    start = shop.world.minute + 1
    by_hand = [offer for offer in shop.offers() if offer not in _of_reseller(shop)]
    end = start + REACH
    for minute, sold, free in zip(range(start, end), shop.sold(start, end), shop.free(start, end), strict=True):
        own = sum(offer["slices"] for offer in by_hand if offer["available_until"] > minute)
        if not own:
            assert free == max(0, SLICES - kept - sold), minute - start


def _of_reseller(shop: Shop) -> list[dict[str, Any]]:
    return [offer for offer in shop.offers() if (offer["client_order_id"] or "").startswith("reseller-")]
