"""Linked asks through the engine: one free pool in two classes, cut in the step in which one of them sells."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from common.wire import Capacity
from market.engine.batch import BatchProcessor
from market.engine.commands import AmendOrder, CancelOrder, EndContract
from market.engine.recovery import rebuild
from market.instruments.instruments import Instrument, create_instrument
from market.tables import contract
from nestex.audit.market import audit
from nestex.books import first_difference
from runtime.tables import feed
from tests.market.factories import ZONE, World, code, order

MEM = f"{ZONE}.mem.firm"


@pytest.fixture
def engine(world: World) -> BatchProcessor:
    with world.begin() as connection:
        create_instrument(connection, Instrument(zone=ZONE, slice_class="mem", firmness="firm"))
    return world.engine()


def check(world: World, engine: BatchProcessor) -> None:
    assert first_difference(world.database) is None
    assert audit(world.database, None, lambda done, total: None).difference is None
    with world.begin() as connection:
        rebuilt = rebuild(connection, ZONE, lambda: None).state
    assert rebuilt.open == engine.state.open
    assert rebuilt.shard.state_hash() == engine.state.shard.state_hash()


def pool(world: World, engine: BatchProcessor, **fields: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A provider whose node of eight slices of std, or two of mem, offers all of both for an hour."""
    provider = world.provider()
    node = world.node(provider)
    shared: dict[str, Any] = {"linked": True, "available_until": world.minute + 61, "price_micros": 150} | fields
    std = order(engine.process([world.ask(provider, node, slices=8, **shared)]))
    mem = order(engine.process([world.ask(provider, node, slices=2, instrument=MEM, **shared)]))
    return provider, std, mem


def told_of(world: World, order_id: str) -> list[tuple[str, str | None]]:
    """State and reason of the feed's events about an order."""
    with world.begin() as connection:
        rows = connection.execute(select(feed.c.payload).where(feed.c.subject == order_id).order_by(feed.c.position))
        return [(row.payload["state"], row.payload["reason"]) for row in rows]


def test_what_one_sells_the_other_loses_with_its_bond_in_the_same_step(world: World, engine: BatchProcessor) -> None:
    buyer = world.participant(10_000_000)
    provider, std, mem = pool(world, engine)
    first, end = world.minute + 1, world.minute + 61
    assert (mem["remaining"], std["remaining"]) == ([[first, end, 2]], [[first, end, 8]])
    before = world.cash(provider)
    order(engine.process([world.bid(buyer, guests=2, duration_minutes=30)]))
    cut = world.order_row(mem["id"])
    assert cut["remaining"] == [[first, first + 30, 1], [first + 30, end, 2]]
    assert cut["reserved_micros"] == mem["reserved_micros"] * 90 // 120
    sold = world.order_row(std["id"])
    assert sold["remaining"] == [[first, first + 30, 6], [first + 30, end, 8]]
    bound = sold["reserved_micros"] + cut["reserved_micros"]
    assert world.cash(provider).reserved_micros == bound < before.reserved_micros
    assert told_of(world, mem["id"]) == [("new", None), ("new", "linked")]
    check(world, engine)
    order(engine.process([world.bid(buyer, guests=6, duration_minutes=60, start_by=first)]))
    order(engine.process([world.bid(buyer, guests=2, duration_minutes=30, start_from=first + 30)]))
    assert world.order_row(std["id"])["state"] == "filled"
    assert told_of(world, mem["id"])[-1] == ("canceled", "linked")
    assert world.order_row(mem["id"])["remaining"] == []
    check(world, engine)


def test_an_ask_of_its_own_must_fit_beside_the_largest_linked_one(world: World, engine: BatchProcessor) -> None:
    provider, std, mem = pool(world, engine)
    alone = {"slices": 1, "available_until": world.minute + 61}
    assert code(engine.process([world.ask(provider, std["node_id"], **alone)])) == "insufficient_capacity"
    order(engine.process([world.cancel(std["id"], provider)]))
    assert code(engine.process([world.ask(provider, std["node_id"], **alone)])) == "insufficient_capacity"
    order(engine.process([AmendOrder(mem["id"], provider, 1, slices=1)]))
    assert order(engine.process([world.ask(provider, std["node_id"], **alone)]))["linked"] is False
    later = world.ask(provider, std["node_id"], slices=8, linked=True, available_until=world.minute + 61)
    assert code(engine.process([later])) == "insufficient_capacity"
    check(world, engine)


def test_what_is_kept_of_a_node_is_cut_off_before_it_is_sold(world: World, engine: BatchProcessor) -> None:
    provider = world.provider()
    node, buyer = world.node(provider), world.participant(10_000_000)
    shared: dict[str, Any] = {"linked": True, "keep": Capacity(2, 4096, 0), "available_until": world.minute + 61}
    assert code(engine.process([world.ask(provider, node, slices=7, **shared)])) == "insufficient_capacity"
    order(engine.process([world.ask(provider, node, slices=6, **shared)]))
    second = order(engine.process([world.ask(provider, node, slices=6, price_micros=160, **shared)]))
    order(engine.process([world.bid(buyer, guests=6, duration_minutes=60)]))
    assert world.order_row(second["id"])["reason"] == "linked"
    check(world, engine)


def test_what_a_linked_ask_does_not_take_does_not_stand_in_its_way(world: World, engine: BatchProcessor) -> None:
    """Nothing but storage is left of the node, and a linked ask for volumes is to keep memory."""
    provider, buyer = world.provider(), world.participant(10_000_000)
    with world.begin() as connection:
        create_instrument(connection, Instrument(zone=ZONE, slice_class="block", firmness="firm"))
    node, end = world.node(provider), world.minute + 61
    order(engine.process([world.ask(provider, node, slices=7, available_until=end)]))
    keep = Capacity(8, 16 * 1024, 0)
    storage = {"instrument": f"{ZONE}.block.firm", "linked": True, "keep": keep, "available_until": end}
    order(engine.process([world.ask(provider, node, slices=1, **storage)]))
    order(engine.process([world.bid(buyer, guests=7, duration_minutes=60)]))
    check(world, engine)


def test_capacity_that_comes_back_makes_no_linked_ask_grow(world: World, engine: BatchProcessor) -> None:
    provider, std, mem = pool(world, engine)
    buyer = world.participant(10_000_000)
    order(engine.process([world.bid(buyer, guests=2, duration_minutes=60)]))
    with world.begin() as connection:
        contracts = connection.execute(select(contract.c.id)).scalars().all()
    for ended in contracts:
        assert engine.process([EndContract(ended, "release", buyer)])[0].problem is None
    order(engine.process([world.bid(buyer, instrument=MEM, guests=1, duration_minutes=30)]))
    assert world.order_row(mem["id"])["remaining"] == [[world.minute + 31, world.minute + 61, 1]]
    more = world.ask(provider, std["node_id"], slices=1, instrument=MEM, linked=True, available_until=world.minute + 61)
    assert order(engine.process([more]))["state"] == "new"
    check(world, engine)


def test_an_ask_of_its_own_takes_nothing_of_what_linked_ones_are_to_keep(world: World, engine: BatchProcessor) -> None:
    provider = world.provider()
    node = world.node(provider)
    keep = Capacity(2, 0, 0)
    linked = world.ask(provider, node, slices=4, linked=True, keep=keep, available_until=world.minute + 61)
    rests = order(engine.process([linked]))
    [refused] = engine.process([world.ask(provider, node, slices=3)])
    assert refused.problem is not None
    assert (refused.problem.code, refused.problem.limit) == ("insufficient_capacity", "2 vcpus")
    assert order(engine.process([world.ask(provider, node, slices=2)]))["state"] == "new"
    check(world, engine)
    order(engine.process([CancelOrder(rests["id"], provider)]))
    assert order(engine.process([world.ask(provider, node, slices=6)]))["state"] == "new"
    check(world, engine)
