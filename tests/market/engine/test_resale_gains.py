"""Who sits on several sides of a chain of resales gains nothing by letting it fail."""

from __future__ import annotations

import pytest

from tests.market.engine.resold import CASH, MINUTES, PRICE, SLICES, Resold
from tests.market.factories import World, order


@pytest.fixture
def deal(world: World) -> Resold:
    return Resold(world)


def test_nobody_gains_who_buys_and_sells_on_both_sides_of_a_chain_and_lets_it_fail(deal: Resold) -> None:
    """The provider's friends sell each other its guest for nothing, so that its bond would be paid back to them."""
    world, (_, second, third) = deal.world, deal.traders
    ours = (deal.provider, *deal.traders)
    other = world.provider()
    order(deal.engine.process([world.ask(other, world.node(other), price_micros=900)]))
    part = deal.resell(deal.first, second, price=1)
    last = deal.resell(part["id"], third, price=1)
    deal.tell(last["id"], "failed")
    assert deal.finish(deal.first, "fail").problem is None
    deal.close()
    held = sum(deal.balances(owner)["cash"] + deal.balances(owner)["earned"] for owner in ours)
    assert held <= CASH * len(ours)


def test_a_provider_that_buys_back_what_it_does_not_deliver_pays_nothing_to_itself(deal: Resold) -> None:
    world = deal.world
    other = world.provider()
    part = deal.resell(deal.first, deal.provider)
    order(deal.engine.process([world.ask(other, world.node(other), price_micros=900)]))
    deal.tell(part["id"], "failed")
    assert deal.finish(part["id"], "fail").problem is None
    assert deal.balances("market")["reserve"] == PRICE * SLICES * MINUTES * 200_000 // 1_000_000
    deal.close()
