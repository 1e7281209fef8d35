"""Every attribute of an order reaches the auction, and every mode of an instrument."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from market.engine.commands import CancelAll, PreviewOrder
from market.tables import instrument, participant
from nestex.books import first_difference
from tests.market.factories import CODE, World, code, order


def set_mode(world: World, mode: str) -> None:
    with world.begin() as connection:
        connection.execute(update(instrument).where(instrument.c.code == CODE).values(mode=mode))


def test_a_fok_bid_trades_all_or_nothing(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider), slices=2)]))
    for guests, state, reason in ((3, "rejected", "fok_unfilled"), (2, "filled", "fully_filled")):
        row = order(engine.process([world.bid(buyer, guests=guests, time_in_force="fok")]))
        assert (row["state"], row["reason"], row["reserved_micros"]) == (state, reason, 0)
    assert first_difference(world.database) is None


def test_a_gtd_order_expires_and_frees_its_money(world: World) -> None:
    buyer = world.participant(5_000_000)
    engine = world.engine()
    fields: dict[str, Any] = {"start_by": world.minute + 60, "time_in_force": "gtd"}
    row = order(engine.process([world.bid(buyer, expires_at=world.minute + 5, **fields)]))
    late = order(engine.process([world.bid(buyer, expires_at=world.minute, **fields)]))
    assert (row["state"], late["reason"]) == ("new", "expires_at_passed")
    world.real.pass_minutes(5)
    order(engine.process([world.bid(buyer, start_by=world.minute + 60)]))
    assert world.order_row(row["id"])["reason"] == "expires_at_reached"


@pytest.mark.parametrize(
    ("mode", "resting", "incoming"),
    [
        ("cancel_taker", "new", "canceled"),
        ("cancel_maker", "canceled", "new"),
        ("cancel_both", "canceled", "canceled"),
    ],
)
def test_the_incoming_order_decides_a_self_trade(world: World, mode: str, resting: str, incoming: str) -> None:
    provider = world.provider()
    engine = world.engine()
    ask = order(engine.process([world.ask(provider, world.node(provider))]))
    bid = order(engine.process([world.bid(provider, start_by=world.minute + 9, self_trade_prevention=mode)]))
    assert (world.order_row(ask["id"])["state"], bid["state"]) == (resting, incoming)


def test_a_bid_passes_over_what_its_conditions_exclude(world: World) -> None:
    first, second, buyer = world.provider(), world.provider(), world.participant(9_000_000)
    nodes = [world.node(first), world.node(second)]
    with world.begin() as connection:
        connection.execute(update(participant).where(participant.c.id == second).values(reliability_ppm=990_000))
    engine = world.engine()
    asks = [
        order(engine.process([world.ask(owner, node, price_micros=100 + place)]))["id"]
        for place, (owner, node) in enumerate(zip((first, second), nodes, strict=True))
    ]
    conditions: tuple[tuple[dict[str, Any], str | None], ...] = (
        ({}, asks[0]),
        ({"nodes": (nodes[1],)}, asks[1]),
        ({"avoid_providers": (first,)}, asks[1]),
        ({"min_reliability_ppm": 990_000}, asks[1]),
        ({"min_reliability_ppm": 990_001}, None),
    )
    for given, partner in conditions:
        [answer] = engine.process([PreviewOrder(world.bid(buyer, **given))])
        assert [trade["ask_order_id"] for trade in answer.trades] == ([partner] if partner else []), given


@pytest.mark.parametrize("mode", ["halted", "cancel_only"])
def test_no_order_enters_a_closed_instrument_and_orders_can_leave_it(world: World, mode: str) -> None:
    buyer = world.participant(5_000_000)
    engine = world.engine()
    resting = order(engine.process([world.bid(buyer, start_by=world.minute + 9)]))
    set_mode(world, mode)
    refused = order(engine.process([world.bid(buyer, start_by=world.minute + 9)]))
    assert (refused["state"], refused["reason"]) == ("rejected", f"instrument_{mode}")
    assert order(engine.process([world.cancel(resting["id"], buyer)]))["state"] == "canceled"


def test_a_post_only_instrument_takes_what_does_not_trade(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider))]))
    set_mode(world, "post_only")
    assert order(engine.process([world.bid(buyer)]))["reason"] == "instrument_post_only"
    assert order(engine.process([world.bid(buyer, price_micros=100)]))["state"] == "new"


def test_a_preview_tells_what_would_happen_and_changes_nothing(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider), slices=1)]))
    before, bid = engine.state.shard.state_hash(), world.bid(buyer, guests=2, start_by=world.minute + 9)
    [answer] = engine.process([PreviewOrder(bid)])
    assert (engine.state.shard.state_hash(), engine.next_sequence) == (before, 2)
    assert world.cash(buyer).available_micros == 5_000_000
    placed = order(engine.process([bid]))
    assert answer.order is not None
    assert answer.order | {"entered_at_micros": 0} == placed | {"entered_at_micros": 0}
    assert [trade["guests"] for trade in answer.trades] == [1]


def test_all_open_orders_of_a_participant_leave_with_one_command(world: World) -> None:
    buyer, other = world.participant(5_000_000), world.participant(5_000_000)
    engine = world.engine()
    rest = {"start_by": world.minute + 30}
    engine.process([world.bid(buyer, **rest) for _ in range(3)] + [world.bid(other, **rest)])
    assert engine.process([CancelAll(buyer, side="ask")])[0].canceled == 0
    assert engine.process([CancelAll(buyer, instrument="fra1.mem.firm")])[0].canceled == 0
    assert engine.process([CancelAll(buyer)])[0].canceled == 3
    assert {record.participant for record in engine.state.open.values()} == {other}
    assert world.cash(buyer).reserved_micros == 0
    assert engine.next_sequence == 8
    assert world.engine("second").state.open == engine.state.open


def test_an_order_of_an_unknown_instrument_has_no_preview(world: World) -> None:
    bid = world.bid(world.participant(5_000_000), instrument="fra1.no.firm")
    assert code(world.engine().process([PreviewOrder(bid)])) == "not_found"
