from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from billing import ledger
from billing.terms import gross_with_vat
from market.engine.commands import Expire, GuestTemplate
from market.engine.fence import Fenced
from market.tables import contract, journal, trade
from nestex.books import first_difference
from runtime.feed import read
from runtime.tables import feed, outbox
from tests.market.factories import World, code, order


def books(world: World) -> str | None:
    return first_difference(world.database)


def test_an_ask_and_a_bid_that_meet_become_a_contract_with_its_money_and_its_message(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    node = world.node(provider)
    engine = world.engine()
    ask = order(engine.process([world.ask(provider, node)]))
    bid = order(engine.process([world.bid(buyer, guests=2, slices_per_guest=2)]))

    assert (bid["state"], bid["guests_filled"], bid["reserved_micros"]) == ("filled", 2, 0)
    with world.begin() as connection:
        contracts = connection.execute(select(contract).order_by(contract.c.id)).all()
        assert [row.price_micros for row in contracts] == [150, 150]
        assert {row.node_id for row in contracts} == {node}
        assert {row.start_minute for row in contracts} == {world.minute + 1}
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 2
        escrow = 2 * gross_with_vat(150, 20, 190_000)
        assert ledger.balances(connection, buyer)["escrow"] == escrow
        assert ledger.balances(connection, provider)["bond"] == 2 * 150 * 20 // 5
    assert world.cash(buyer).available_micros == 5_000_000 - escrow
    assert world.order_row(ask["id"])["slice_minutes_sold"] == 40
    assert books(world) is None


def test_a_resting_bid_reserves_its_limit_price_with_vat_and_a_cancel_frees_it(world: World) -> None:
    buyer = world.participant(1_000_000)
    engine = world.engine()
    bid = order(engine.process([world.bid(buyer, guests=3, start_by=world.minute + 30)]))
    assert bid["reserved_micros"] == 3 * gross_with_vat(200, 10, 190_000)
    assert world.cash(buyer).reserved_micros == bid["reserved_micros"]
    canceled = order(engine.process([world.cancel(bid["id"], buyer)]))
    assert (canceled["state"], canceled["reason"]) == ("canceled", "requested")
    assert world.cash(buyer).reserved_micros == 0
    assert books(world) is None


def test_what_is_not_backed_is_refused_and_leaves_no_trace(world: World) -> None:
    provider, buyer = world.provider(), world.participant(100)
    node = world.node(provider, vcpus=2)
    engine = world.engine()
    assert code(engine.process([world.bid(buyer)])) == "insufficient_funds"
    assert code(engine.process([world.ask(provider, node, slices=3)])) == "insufficient_capacity"
    assert code(engine.process([world.ask(buyer, node)])) == "not_a_provider"
    assert code(engine.process([world.ask(provider, node, available_until=world.minute + 100_001)])) == (
        "beyond_reservation"
    )
    with world.begin() as connection:
        assert connection.execute(select(func.count()).select_from(journal)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(feed)).scalar_one() == 0


def test_a_node_is_never_offered_twice_for_the_same_minute(world: World) -> None:
    provider = world.provider()
    node = world.node(provider, vcpus=4)
    engine = world.engine()
    order(engine.process([world.ask(provider, node, slices=3, available_until=world.minute + 100)]))
    later = {"available_from": world.minute + 100, "available_until": world.minute + 200}
    assert code(engine.process([world.ask(provider, node, slices=2)])) == "insufficient_capacity"
    assert order(engine.process([world.ask(provider, node, slices=1)]))["state"] == "new"
    assert order(engine.process([world.ask(provider, node, slices=3, **later)]))["state"] == "new"
    assert code(engine.process([world.ask(provider, node, slices=1, **later)])) == "insufficient_capacity"


def test_commands_of_one_batch_see_what_the_earlier_ones_spent(world: World) -> None:
    reserve = gross_with_vat(200, 10, 190_000)
    buyer = world.participant(2 * reserve)
    rest = {"start_by": world.minute + 30}
    answers = world.engine().process([world.bid(buyer, **rest) for _ in range(3)])
    assert [answer.problem and answer.problem.code for answer in answers] == [None, None, "insufficient_funds"]
    assert world.cash(buyer).available_micros == 0
    assert books(world) is None


def test_the_same_client_order_id_gives_the_same_order_once(world: World) -> None:
    buyer = world.participant(1_000_000)
    engine = world.engine()
    fields = {"client_order_id": "mine", "start_by": world.minute + 30}
    first = order(engine.process([world.bid(buyer, **fields)]))
    again = order(engine.process([world.bid(buyer, **fields)]))
    both = world.engine("second").process([world.bid(buyer, **fields), world.bid(buyer, **fields)])
    assert {first["id"], again["id"]} | {answer.order["id"] for answer in both if answer.order} == {first["id"]}
    assert code(world.engine("third").process([world.bid(buyer, guests=2, **fields)])) == "client_order_id_reused"
    assert world.cash(buyer).reserved_micros == first["reserved_micros"]


def test_a_cancel_is_the_owners_alone_and_may_be_repeated(world: World) -> None:
    buyer, stranger = world.participant(1_000_000), world.participant()
    engine = world.engine()
    bid = order(engine.process([world.bid(buyer, start_by=world.minute + 30)]))
    assert code(engine.process([world.cancel(bid["id"], stranger)])) == "not_found"
    for _ in range(2):
        assert order(engine.process([world.cancel(bid["id"], buyer)]))["state"] == "canceled"


def test_a_filled_order_cannot_be_canceled(world: World) -> None:
    provider, buyer = world.provider(), world.participant(1_000_000)
    engine = world.engine()
    engine.process([world.ask(provider, world.node(provider))])
    bid = order(engine.process([world.bid(buyer)]))
    assert code(engine.process([world.cancel(bid["id"], buyer)])) == "state_forbids"


def test_an_engine_that_was_replaced_writes_nothing_more(world: World) -> None:
    buyer = world.participant(1_000_000)
    old = world.engine("old")
    order(old.process([world.bid(buyer, start_by=world.minute + 30)]))
    new = world.engine("new")
    before = old.state.shard.state_hash()
    with pytest.raises(Fenced):
        old.process([world.bid(buyer, start_by=world.minute + 30)])
    assert old.state.shard.state_hash() == before
    assert order(new.process([world.bid(buyer, start_by=world.minute + 30)]))["sequence"] == 2


def test_an_engine_that_was_replaced_answers_nothing_either(world: World) -> None:
    buyer = world.participant(1_000_000)
    old = world.engine("old")
    new = world.engine("new")
    bid = order(new.process([world.bid(buyer, start_by=world.minute + 30)]))
    with pytest.raises(Fenced):
        old.process([world.cancel(bid["id"], buyer)])


def test_an_order_of_nobody_is_refused_alone(world: World) -> None:
    buyer = world.participant(1_000_000)
    rest = {"start_by": world.minute + 30}
    answers = world.engine().process([world.bid(buyer, **rest), world.bid("prt_nobody", **rest)])
    assert [answer.problem and answer.problem.code for answer in answers] == [None, "not_found"]


def test_the_feed_tells_how_both_orders_of_a_trade_stand(world: World) -> None:
    provider, buyer = world.provider(), world.participant(1_000_000)
    engine = world.engine()
    ask = order(engine.process([world.ask(provider, world.node(provider))]))
    bid = order(engine.process([world.bid(buyer)]))
    with world.begin() as connection:
        events = [event for _, event in read(connection, "engine.fra1", 1, 100)]
    assert [(event.kind, event.subject) for event in events if event.kind == "order"] == [
        ("order", bid["id"]),
        ("order", ask["id"]),
    ]
    [trade_event] = [event for event in events if event.kind == "trade"]
    assert (trade_event.payload["bid"], trade_event.payload["ask"]) == (bid["id"], ask["id"])


def test_a_restarted_engine_has_the_same_books_and_goes_on(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    first = world.engine("first")
    first.process([world.ask(provider, world.node(provider))])
    first.process([world.bid(buyer), world.bid(buyer, price_micros=100, start_by=world.minute + 60)])
    world.real.pass_minutes(5)
    first.process([world.bid(buyer, duration_minutes=7)])
    second = world.engine("second")
    assert second.state.shard.state_hash() == first.state.shard.state_hash()
    assert second.state.open == first.state.open
    with world.begin() as connection:
        assert connection.execute(select(func.count()).select_from(trade)).scalar_one() == 2
    assert order(second.process([world.bid(buyer)]))["state"] == "filled"
    assert books(world) is None


def test_a_batch_that_cannot_be_written_changes_neither_memory_nor_tables(world: World) -> None:
    buyer = world.participant(1_000_000)
    engine = world.engine()
    before = engine.state.shard.state_hash()
    with world.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE journal RENAME TO gone")
    with pytest.raises(DBAPIError, match="journal"):
        engine.process([world.bid(buyer, start_by=world.minute + 30)])
    assert engine.state.shard.state_hash() == before
    assert engine.state.open == {}
    with world.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO journal")
    assert order(engine.process([world.bid(buyer, start_by=world.minute + 30)]))["state"] == "new"
    assert books(world) is None


def test_cash_that_another_shard_spent_between_reading_and_writing_is_found(world: World) -> None:
    reserve = gross_with_vat(200, 10, 190_000)
    buyer = world.participant(reserve)
    engine = world.engine()
    place = engine.state.place

    def spend_elsewhere(*arguments: object) -> object:
        """What another shard's engine does between this one's reading and writing, once."""
        engine.state.place = place  # type: ignore[method-assign]  # the test stands in for another process
        with world.begin() as connection:
            ledger.post(connection, [], {buyer: 1})
        return place(*arguments)  # type: ignore[arg-type]  # passed through

    engine.state.place = spend_elsewhere  # type: ignore[assignment, method-assign]  # see above
    assert code(engine.process([world.bid(buyer, start_by=world.minute + 30)])) == "insufficient_funds"
    assert world.cash(buyer).reserved_micros == 1


def test_time_that_passes_expires_orders_and_frees_their_money(world: World) -> None:
    buyer = world.participant(1_000_000)
    engine = world.engine()
    bid = order(engine.process([world.bid(buyer, start_by=world.minute + 3)]))
    world.real.pass_minutes(3)
    engine.process([Expire()])
    row = world.order_row(bid["id"])
    assert (row["state"], row["reason"], row["reserved_micros"]) == ("expired", "window_passed", 0)
    assert world.cash(buyer).reserved_micros == 0


def test_an_order_that_cannot_be_written_is_refused_alone(world: World) -> None:
    buyer = world.participant(1_000_000)
    rest = {"start_by": world.minute + 30}
    poison = world.bid(buyer, template=GuestTemplate("web", "default", user_data="\x00"), **rest)
    engine = world.engine()
    answers = engine.process([world.bid(buyer, **rest), poison, world.bid(buyer, **rest)])
    assert [answer.problem and answer.problem.code for answer in answers] == [None, "invalid_field", None]
    assert engine.next_sequence == 3
    assert books(world) is None
