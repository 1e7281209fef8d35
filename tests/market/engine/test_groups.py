"""Exclusive groups through the engine: one of several bids trades, and money is bound for one of them only."""

from __future__ import annotations

from typing import Any

from market.engine.batch import BatchProcessor
from market.engine.commands import AmendOrder, Answer, CancelAll, PlaceGroup, PreviewOrder
from market.engine.digests import group_sha256
from market.engine.recovery import rebuild
from nestex.audit.market import audit
from nestex.books import first_difference
from tests.market.factories import ZONE, World, code, order


def rows(answers: list[Answer]) -> list[dict[str, Any]]:
    [answer] = answers
    assert answer.problem is None, answer.problem
    return list(answer.orders)


def dear(price: int, guests: int = 1) -> int:
    """What so many guests of ten minutes bind, with VAT."""
    return guests * (price * 10 + price * 10 * 19 // 100)


def check(world: World, engine: BatchProcessor) -> None:
    """Books and audit are right, and the journal makes the memory that the engine has."""
    assert first_difference(world.database) is None
    assert audit(world.database, None, lambda done, total: None).difference is None
    with world.begin() as connection:
        rebuilt = rebuild(connection, ZONE, lambda: None).state
    assert rebuilt.open == engine.state.open
    assert rebuilt.shard.state_hash() == engine.state.shard.state_hash()


def group(world: World, buyer: str, *prices: int, **fields: Any) -> PlaceGroup:
    start = {"start_by": world.minute + 50}
    return PlaceGroup(tuple(world.bid(buyer, price_micros=price, **start | fields) for price in prices))


def test_the_dearest_bid_binds_for_all_until_one_trades(world: World) -> None:
    buyer, provider = world.participant(10_000), world.provider()
    node, engine = world.node(provider), world.engine()
    placed = rows(engine.process([group(world, buyer, 200, 300, 100, guests=2)]))
    assert [row["reserved_micros"] for row in placed] == [0, dear(300, guests=2), 0]
    assert {row["exclusive_group"] for row in placed} == {placed[0]["id"]}
    assert world.cash(buyer).reserved_micros == dear(300, guests=2)
    order(engine.process([world.cancel(placed[1]["id"], buyer)]))
    assert (
        world.cash(buyer).reserved_micros == world.order_row(placed[0]["id"])["reserved_micros"] == dear(200, guests=2)
    )
    order(engine.process([AmendOrder(placed[2]["id"], buyer, 1, price_micros=250)]))
    assert (
        world.cash(buyer).reserved_micros == world.order_row(placed[2]["id"])["reserved_micros"] == dear(250, guests=2)
    )
    check(world, engine)
    order(engine.process([world.ask(provider, node, price_micros=250, slices=1, available_until=world.minute + 11)]))
    assert world.cash(buyer).reserved_micros == world.order_row(placed[2]["id"])["reserved_micros"] == dear(250)
    ended = world.order_row(placed[0]["id"])
    assert (ended["state"], ended["reason"], ended["reserved_micros"]) == ("canceled", "exclusive_group", 0)
    check(world, engine)


def test_the_money_for_the_dearest_is_enough_and_less_is_not(world: World) -> None:
    buyer, engine = world.participant(dear(300)), world.engine()
    refused = engine.process([group(world, buyer, 100, 301)])
    assert code(refused) == "insufficient_funds"
    assert refused[0].problem is not None
    assert refused[0].problem.field == "bids.1.price"
    first, second = rows(engine.process([group(world, buyer, 300, 299)]))
    assert code(engine.process([AmendOrder(second["id"], buyer, 1, price_micros=301)])) == "insufficient_funds"
    assert order(engine.process([AmendOrder(second["id"], buyer, 1, price_micros=300)]))["reserved_micros"] == 0
    assert world.order_row(first["id"])["reserved_micros"] == dear(300)
    check(world, engine)


def test_what_comes_behind_a_bid_that_trades_on_entry_does_not_enter(world: World) -> None:
    buyer, provider = world.participant(100_000), world.provider()
    node, engine = world.node(provider), world.engine()
    order(engine.process([world.ask(provider, node, price_micros=150, slices=1, available_until=world.minute + 11)]))
    wanted = group(world, buyer, 100, 160, 170, guests=2)
    preview = engine.process([PreviewOrder(wanted)])[0]
    placed = rows(engine.process([wanted]))
    assert [row["state"] for row in placed] == ["canceled", "partially_filled", "canceled"]
    assert list(preview.orders) == placed
    assert [trade["bid_order_id"] for trade in preview.trades] == [placed[1]["id"]]
    assert world.cash(buyer).reserved_micros == placed[1]["reserved_micros"] == dear(160)
    check(world, engine)


def test_a_group_sent_again_is_the_same_group(world: World) -> None:
    buyer, engine = world.participant(100_000), world.engine()

    def named(*prices: int, first: str = "a") -> PlaceGroup:
        bids = [
            world.bid(buyer, price_micros=price, start_by=world.minute + 50, client_order_id=name)
            for price, name in zip(prices, (first, "b"), strict=True)
        ]
        return PlaceGroup(tuple(bids))

    wanted = named(100, 90)
    first, again = engine.process([wanted, named(100, 90)])
    assert first == again
    known = rows(engine.process([named(100, 90)]))
    assert [(row["id"], row["state"]) for row in known] == [(bid.order, "new") for bid in wanted.bids]
    assert code(engine.process([named(100, 91)])) == "client_order_id_reused"
    assert code(engine.process([named(100, 90, first="c")])) == "client_order_id_reused"
    assert code(engine.process([wanted.bids[0]])) == "client_order_id_reused"
    assert len(engine.state.open) == 2


def test_a_bid_of_a_group_is_another_in_another_place_or_with_others(world: World) -> None:
    buyer = world.participant()
    first, again, other = (group_sha256(group(world, buyer, 100, price)) for price in (100, 100, 99))
    assert first == again
    assert len({*first, *other}) == 4


def test_a_whole_group_is_canceled_by_its_first_bid(world: World) -> None:
    buyer, engine = world.participant(100_000), world.engine()
    first = rows(engine.process([group(world, buyer, 100, 90, 80)]))
    other = rows(engine.process([group(world, buyer, 70, 60)]))
    assert engine.process([CancelAll(buyer, group=first[0]["id"])])[0].canceled == 3
    assert set(engine.state.open) == {row["id"] for row in other}
    check(world, engine)
