"""Amendments as the engine answers them: the order, its reservation, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from billing.terms import bond, gross_with_vat
from market.engine.batch import BatchProcessor
from market.engine.commands import AmendOrder
from nestex.books import first_difference
from tests.market.factories import World, code, order

REST = 30


def amend(row: dict[str, Any], **given: int) -> AmendOrder:
    fields = {"revision": row["revision"]} | given
    return AmendOrder(row["id"], row["participant_id"], **fields)


def resting_bid(world: World, engine: BatchProcessor, buyer: str, **fields: Any) -> dict[str, Any]:
    return order(engine.process([world.bid(buyer, **({"start_by": world.minute + REST} | fields))]))


def test_fewer_guests_reserve_less_and_raise_the_revision(world: World) -> None:
    buyer = world.participant(2_000_000)
    engine = world.engine()
    bid = resting_bid(world, engine, buyer, guests=3)
    amended = order(engine.process([amend(bid, guests=2)]))
    assert (amended["guests"], amended["revision"], amended["state"]) == (2, 2, "new")
    assert world.cash(buyer).reserved_micros == 2 * gross_with_vat(200, 10, 190_000)
    assert world.order_row(bid["id"])["guests"] == 2
    assert first_difference(world.database) is None


def test_fewer_slices_lower_the_bond_and_free_the_node(world: World) -> None:
    provider = world.provider()
    node = world.node(provider, vcpus=4)
    engine = world.engine()
    ask = order(engine.process([world.ask(provider, node, slices=4)]))
    area = ask["available_until"] - ask["available_from"]
    amended = order(engine.process([amend(ask, slices=3)]))
    assert amended["reserved_micros"] == bond(150, 3 * area, 200_000)
    assert world.cash(provider).reserved_micros == amended["reserved_micros"]
    assert order(engine.process([world.ask(provider, node, slices=1)]))["state"] == "new"


def test_another_price_enters_the_order_again_and_makes_it_trade(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    ask = order(engine.process([world.ask(provider, world.node(provider), price_micros=250)]))
    bid = resting_bid(world, engine, buyer, guests=2)
    amended = order(engine.process([amend(bid, price_micros=250)]))
    assert (amended["state"], amended["guests_filled"], amended["price_micros"]) == ("filled", 2, 250)
    assert world.order_row(ask["id"])["slice_minutes_sold"] == 20
    assert world.cash(buyer).available_micros == 5_000_000 - 2 * gross_with_vat(250, 10, 190_000)
    assert first_difference(world.database) is None


def test_a_higher_price_needs_the_money_for_the_difference_alone(world: World) -> None:
    reserve = gross_with_vat(200, 10, 190_000)
    buyer = world.participant(reserve + 100)
    engine = world.engine()
    bid = resting_bid(world, engine, buyer)
    assert code(engine.process([amend(bid, price_micros=300)])) == "insufficient_funds"
    assert world.order_row(bid["id"])["price_micros"] == 200
    assert order(engine.process([amend(bid, price_micros=208)]))["reserved_micros"] == gross_with_vat(208, 10, 190_000)


def test_another_revision_is_refused(world: World) -> None:
    buyer = world.participant(2_000_000)
    engine = world.engine()
    bid = resting_bid(world, engine, buyer, guests=3)
    answers = engine.process([amend(bid, guests=2), amend(bid, guests=1)])
    assert [answer.problem and answer.problem.code for answer in answers] == [None, "revision_mismatch"]


@pytest.mark.parametrize("given", [{"guests": 3}, {"guests": 9}, {"slices": 1}, {}, {"guests": 1, "price_micros": 9}])
def test_what_is_no_smaller_size_is_refused(world: World, given: dict[str, int]) -> None:
    buyer = world.participant(2_000_000)
    engine = world.engine()
    bid = resting_bid(world, engine, buyer, guests=3)
    assert code(engine.process([amend(bid, **given)])) == "invalid_field"
    assert world.order_row(bid["id"])["revision"] == 1


def test_a_bid_cannot_ask_for_fewer_guests_than_have_traded(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider), slices=2)]))
    bid = resting_bid(world, engine, buyer, guests=4, start_by=world.minute + 1)
    assert bid["guests_filled"] == 2
    assert code(engine.process([amend(bid, guests=1)])) == "invalid_field"
    amended = order(engine.process([amend(bid, guests=2)]))
    assert (amended["state"], amended["reserved_micros"]) == ("filled", 0)


def test_a_post_only_order_is_not_amended_into_a_trade(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider), price_micros=250)]))
    bid = resting_bid(world, engine, buyer, post_only=True)
    before = engine.state.shard.state_hash()
    assert code(engine.process([amend(bid, price_micros=250)])) == "would_trade"
    assert engine.state.shard.state_hash() == before
    assert world.cash(buyer).reserved_micros == bid["reserved_micros"]


def test_only_the_owner_amends_and_only_what_is_open(world: World) -> None:
    buyer, stranger = world.participant(2_000_000), world.participant(2_000_000)
    engine = world.engine()
    bid = resting_bid(world, engine, buyer, guests=3)
    assert code(engine.process([AmendOrder(bid["id"], stranger, 1, guests=1)])) == "not_found"
    order(engine.process([world.cancel(bid["id"], buyer)]))
    assert code(engine.process([amend(bid, guests=1)])) == "state_forbids"


def test_a_restarted_engine_knows_amendments(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    first = world.engine("first")
    ask = order(first.process([world.ask(provider, world.node(provider), price_micros=500)]))
    bid = resting_bid(world, first, buyer, guests=3)
    order(first.process([amend(bid, guests=2)]))
    order(first.process([amend(ask, slices=3)]))
    order(first.process([amend(bid, revision=2, price_micros=210)]))
    second = world.engine("second")
    assert second.state.shard.state_hash() == first.state.shard.state_hash()
    assert second.state.open == first.state.open
