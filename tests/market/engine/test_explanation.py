from __future__ import annotations

from typing import Any

from market.engine.batch import BatchProcessor
from market.engine.explanation import explain
from tests.market.factories import World, order


def variants(world: World, engine: BatchProcessor, order_id: str) -> dict[str, dict[str, Any]]:
    before = engine.state.shard.state_hash()
    told = explain(engine.state, order_id, world.minute)
    assert told is not None
    assert engine.state.shard.state_hash() == before, "explaining changes nothing"
    return {variant["change"]: variant for variant in told}


def test_an_unfilled_bid_learns_what_would_fill_it(world: World) -> None:
    provider, buyer = world.provider(), world.participant(9_000_000)
    node = world.node(provider, vcpus=8)
    engine = world.engine()
    dear = world.ask(provider, node, price_micros=300, slices=2, available_until=world.minute + 200)
    short = world.ask(provider, node, price_micros=100, slices=2, available_until=world.minute + 30)
    late = world.ask(
        provider,
        node,
        price_micros=120,
        slices=4,
        available_from=world.minute + 100,
        available_until=world.minute + 200,
    )
    for ask in (dear, short, late):
        order(engine.process([ask]))
    bid = order(engine.process([world.bid(buyer, guests=2, duration_minutes=60, start_by=world.minute + 5)]))
    found = variants(world, engine, bid["id"])
    assert (found["price"]["value"], found["price"]["guests"]) == (300, 2)
    assert (found["start_by"]["guests"], found["start_by"]["price_micros"]) == (2, 120)
    assert (found["duration_minutes"]["value"], found["duration_minutes"]["guests"]) == (29, 2)
    assert {"conditions", "slices_per_guest"}.isdisjoint(found), "these alone would not help"


def test_a_bid_that_its_conditions_hold_back_learns_that(world: World) -> None:
    provider, buyer = world.provider(), world.participant(9_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider), slices=1)]))
    fields: dict[str, Any] = {"start_by": world.minute + 5, "slices_per_guest": 2}
    avoiding = order(engine.process([world.bid(buyer, avoid_providers=(provider,), start_by=world.minute + 5)]))
    wide = order(engine.process([world.bid(buyer, **fields)]))
    assert variants(world, engine, avoiding["id"])["conditions"]["guests"] == 1
    assert variants(world, engine, wide["id"])["slices_per_guest"]["value"] == 1


def test_an_unsold_ask_learns_which_price_would_sell(world: World) -> None:
    provider, buyer = world.provider(), world.participant(9_000_000)
    engine = world.engine()
    for price in (100, 120):
        order(engine.process([world.bid(buyer, price_micros=price, start_by=world.minute + 50)]))
    order(engine.process([world.bid(buyer, price_micros=200, duration_minutes=5, start_by=world.minute + 50)]))
    ask = order(engine.process([world.ask(provider, world.node(provider), price_micros=150, min_minutes=6)]))
    found = variants(world, engine, ask["id"])
    assert (found["price"]["value"], found["price"]["slice_minutes"]) == (100, 20)
    assert (found["min_minutes"]["value"], found["min_minutes"]["slice_minutes"]) == (1, 5)


def test_what_is_not_open_is_not_explained(world: World) -> None:
    assert explain(world.engine().state, "ord_gone", world.minute) is None
