"""Who sits on several sides of a chain of resales gains nothing by letting it fail."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from common.wire import GuestStatus
from market.contracts.follow_guest import follow_guest
from market.engine.commands import CancelAll
from market.tables import contract
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


@pytest.mark.parametrize(("price", "again"), [(1, 900), (149, 149), (149, 179), (160, 160), (160, 185), (300, 320)])
def test_nobody_gains_who_has_the_end_of_its_chain_bought_again_from_a_friend(
    deal: Resold, price: int, again: int
) -> None:
    last = deal.resell(deal.first, deal.traders[1], price, replace_on_failure=True)
    friend = deal.spare(again)
    deal.tell(last["id"], "failed")
    assert deal.finish(deal.first, "fail").problem is None
    was_bought = deal.row(last["id"])["replaced_by"] is not None
    assert was_bought == ((price, again) not in [(1, 900), (149, 179)])
    deal.engine.process([CancelAll(friend)])
    deal.close()
    ours = (deal.provider, *deal.traders, friend)
    assert sum(sum(deal.balances(owner).values()) for owner in ours) <= CASH * len(ours)


def test_a_provider_that_buys_back_what_it_does_not_deliver_pays_nothing_to_itself(deal: Resold) -> None:
    world = deal.world
    other = world.provider()
    part = deal.resell(deal.first, deal.provider)
    order(deal.engine.process([world.ask(other, world.node(other), price_micros=900)]))
    deal.tell(part["id"], "failed")
    assert deal.finish(part["id"], "fail").problem is None
    assert deal.balances("market")["reserve"] == PRICE * SLICES * MINUTES * 200_000 // 1_000_000
    deal.close()


def test_what_is_bought_for_a_failed_contract_is_not_its_own_rest_that_stood_on_the_book(world: World) -> None:
    deal = Resold(world)
    first = deal.traders[1]
    other = world.provider()
    spare = world.node(other)
    order(deal.engine.process([world.ask(other, spare, slices=SLICES, available_until=deal.end + 1)]))
    wish = deal.bid(first, MINUTES, start_by=None, replace_on_failure=True)
    order(deal.engine.process([wish]))
    with world.begin() as connection:
        bought = connection.execute(select(contract).where(contract.c.buyer_id == first)).mappings().one()
    offer = order(deal.engine.process([deal.offer(first, bought["id"], price=1)]))
    third = world.provider()
    order(deal.engine.process([world.ask(third, world.node(third), slices=SLICES, available_until=deal.end)]))
    status = GuestStatus(spare, bought["id"], 1, "failed", world.real.micros // 1000 + 1, "it broke")
    with world.begin() as connection:
        follow_guest(connection, status, world.real.micros)
    assert deal.finish(bought["id"], "fail").problem is None
    with world.begin() as connection:
        replaced = connection.execute(select(contract).where(contract.c.id == bought["id"])).mappings().one()
    assert replaced["replaced_by"] is not None
    gone = world.order_row(offer["id"])
    assert (gone["state"], gone["reason"]) == ("canceled", "contract_over")
    deal.check()
