"""A reseller's offers follow what is free of its node, through a real engine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import select

from common.wire import Capacity, Heartbeat
from market.engine.commands import CancelOrder, EndContract
from market.instruments.instruments import Instrument, change_instrument, create_instrument
from market.nodes.liveness import record_heartbeat
from market.tables import contract, node
from tests.market.factories import CODE, ZONE, World, order
from tests.market.reseller.shop import Shop, keep

FLOOR, FIRST = 1755, 2633


def test_everything_idle_is_offered_in_one_piece_above_what_the_reservation_costs(world: World) -> None:
    shop = Shop(world, keep=keep(2))
    assert shop.turn() == 1
    [offer] = shop.offers()
    assert (offer["slices"], offer["price_micros"], offer["min_minutes"]) == (6, FIRST, 1)
    assert offer["available_from"] == world.minute + 1
    assert offer["available_until"] - world.minute in range(700, 801)
    assert shop.turn(50) == 0
    assert any("Everything that can be offered is offered" in sentence for sentence in shop.kept().said)


def test_what_is_sold_is_not_offered_again_and_its_end_brings_it_back(world: World) -> None:
    shop = Shop(world)
    shop.turn()
    shop.buy(guests=2, slices_per_guest=2, duration_minutes=30)
    start = world.minute + 1
    assert shop.turn(3) == 0
    assert (shop.free_in(start + 10), shop.sold_in(start + 10), shop.free_in(start + 30)) == (4, 4, 8)


@pytest.mark.parametrize(("ending", "away"), [("release", 0), ("reclaim", 2)])
def test_what_is_given_back_early_is_on_sale_again(world: World, ending: Any, away: int) -> None:
    spot = Instrument(ZONE, "std", "spot")
    with world.begin() as connection:
        create_instrument(connection, spot)
    shop = Shop(world, instruments=(spot.code,))
    shop.turn()
    shop.buy(instrument=spot.code, slices_per_guest=3, duration_minutes=400)
    shop.turn(5)
    with world.begin() as connection:
        sold = connection.execute(select(contract.c.id)).scalar_one()
    party = shop.buyer if ending == "release" else shop.provider
    [answer] = shop.engine.processor.process([EndContract(sold, ending, party)])
    assert answer.problem is None
    ended = world.minute + 1 + away
    shop.turn()
    assert [shop.free_in(minute) for minute in range(ended, ended + 300, 10)][1:] == [8] * 29
    assert shop.free_in(max(ended, world.minute + 1)) == 8
    assert shop.turn(20) == 0


def test_an_offer_of_the_provider_s_own_goes_first(world: World) -> None:
    shop = Shop(world)
    own = world.ask(shop.provider, shop.node, slices=3, price_micros=5000, available_until=world.minute + 300)
    order(shop.engine.processor.process([own]))
    shop.turn(4)
    minute = world.minute + 20
    assert shop.free_in(minute) == 8
    assert (
        sum(
            offer["slices"] for offer in shop.offers() if offer["id"] != own.order and offer["available_from"] <= minute
        )
        == 5
    )
    shop.engine.processor.process([CancelOrder(own.order, shop.provider)])
    shop.turn(3)
    assert shop.free_in(world.minute + 2) == 8


def test_more_headroom_takes_offers_off_and_less_puts_them_back(world: World) -> None:
    shop = Shop(world)
    shop.turn()
    shop.put(keep=keep(5))
    shop.turn(2)
    assert [offer["slices"] for offer in shop.offers()] == [3]
    shop.put(keep=keep(1))
    shop.turn(3)
    assert [offer["slices"] for offer in shop.offers()] == [7]


def test_the_end_moves_on_in_steps_and_the_offer_stays_whole(world: World) -> None:
    shop = Shop(world, ahead_minutes=80)
    shop.turn()
    changes = shop.turn(60)
    assert len(shop.offers()) == 1
    assert 60 <= shop.offers()[0]["available_until"] - world.minute <= 80
    assert changes <= 14


def test_nothing_is_offered_beyond_until_nor_beyond_the_reservation(world: World) -> None:
    shop = Shop(world, until=world.minute + 90)
    shop.turn()
    assert shop.offers()[0]["available_until"] == world.minute + 89
    shop.put(until=world.minute + 40)
    shop.turn(3)
    assert {offer["available_until"] for offer in shop.offers()} == {world.minute + 37}
    with world.begin() as connection:
        connection.execute(node.update().values(reserved_until=world.minute + 20))
    shop.turn(3)
    assert {offer["available_until"] for offer in shop.offers()} == {world.minute + 17}
    shop.turn(30)
    assert (shop.offers(), shop.kept().state) == ([], "off")


def test_all_that_is_free_is_offered_in_every_instrument_and_sold_once(world: World) -> None:
    spot, mem = Instrument(ZONE, "std", "spot"), Instrument(ZONE, "mem", "firm")
    with world.begin() as connection:
        create_instrument(connection, spot)
        create_instrument(connection, mem)
    shop = Shop(world, instruments=(CODE, spot.code))
    shop.put(instruments=(CODE, spot.code), keep=keep(1))
    assert shop.turn(3) == 2
    assert {offer["instrument"]: offer["slices"] for offer in shop.offers()} == {CODE: 7, spot.code: 7}
    shop.buy(guests=3, duration_minutes=60)
    minute = world.minute + 1
    assert all([minute, minute + 60, 4] in offer["remaining"] for offer in shop.offers())
    shop.buy(guests=9, instrument=spot.code, duration_minutes=30)
    assert (shop.sold_in(minute), shop.free_in(minute), shop.free_in(minute + 30)) == (7, 0, 8)
    assert shop.turn(20) == 0
    shop.put(instruments=(mem.code,))
    shop.turn(3)
    assert {offer["instrument"] for offer in shop.offers()} == {mem.code}


def test_a_sold_minute_in_between_leaves_the_rest_on_sale(world: World) -> None:
    shop = Shop(world)
    shop.turn()
    shop.buy(
        guests=1, slices_per_guest=8, duration_minutes=60, start_from=world.minute + 100, start_by=world.minute + 100
    )
    shop.turn(2)
    minute = world.minute
    assert [shop.free_in(at) for at in (minute + 50, minute + 120, minute + 200)] == [8, 0, 8]


def test_an_offer_is_as_large_as_the_cash_behind_it(world: World) -> None:
    shop = Shop(world, cash=1_000_000)
    shop.turn(2)
    [offer] = shop.offers()
    assert (offer["slices"], offer["available_until"] - offer["available_from"]) == (8, 237)
    assert offer["reserved_micros"] <= 1_000_000
    assert shop.turn(20) == 0


def test_without_cash_the_provider_is_told_what_to_pay_in(world: World) -> None:
    shop = Shop(world, cash=0)
    assert shop.turn(3) == 0
    assert "pay in at least 0.000526" in shop.kept().said[-1]


def test_a_node_that_is_not_online_sells_nothing_and_goes_on_afterwards(world: World) -> None:
    shop = Shop(world)
    with world.begin() as connection:
        connection.execute(node.update().values(state="lost"))
    assert shop.turn(3) == 0
    assert "the node is lost" in shop.kept().said[-1]
    with world.begin() as connection:
        connection.execute(node.update().values(state="online", draining=True))
    assert shop.turn(3) == 0
    assert "being drained" in shop.kept().said[-1]
    with world.begin() as connection:
        connection.execute(node.update().values(draining=False))
    assert shop.turn() == 1


def test_a_halted_instrument_gets_no_orders(world: World) -> None:
    shop = Shop(world, strategy="decay", decay_minutes=10)
    with world.begin() as connection:
        change_instrument(connection, CODE, {"mode": "halted"})
    assert shop.turn(5) == 0
    with world.begin() as connection:
        change_instrument(connection, CODE, {"mode": "open"})
    assert shop.turn() == 1


def test_a_price_above_what_the_instrument_allows_sells_nothing_and_says_so(world: World) -> None:
    shop = Shop(world)
    shop.turn()
    with world.begin() as connection:
        change_instrument(connection, CODE, {"price_max_micros": FLOOR - 1})
    shop.turn(2)
    assert shop.offers() == []
    assert "cannot be sold there" in " ".join(shop.kept().said)


def test_decay_walks_to_the_floor_and_a_sale_brings_the_first_price_back(world: World) -> None:
    shop = Shop(world, strategy="decay", decay_minutes=20)
    shop.turn()
    seen = []
    for _ in range(25):
        shop.turn()
        seen.append(shop.offers()[0]["price_micros"])
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == FLOOR
    shop.buy()
    shop.turn()
    assert shop.offers()[0]["price_micros"] == FIRST


def test_undercut_stays_a_tick_below_a_competitor_but_not_below_the_floor(world: World) -> None:
    shop = Shop(world, strategy="undercut")
    rival = world.provider(10**9)
    elsewhere = world.node(rival)
    prices = []
    for price in (2600, 2000, 900):
        order(shop.engine.processor.process([world.ask(rival, elsewhere, price_micros=price, slices=1)]))
        shop.turn(2)
        prices.append(shop.offers()[0]["price_micros"] if shop.offers()[0]["node_id"] == shop.node else None)
    assert prices == [2599, 1999, FLOOR]


def test_what_the_provider_s_own_work_uses_is_kept_back_until_it_is_not_used_for_an_hour(world: World) -> None:
    shop = Shop(world, keep=keep(1))
    shop.turn()

    def uses(memory_mib: int) -> int:
        """Slices on sale after a while of own work with so much memory; the machine has a GiB more than is offered."""
        measured, own = Capacity(8, 9 * 2048 - 1024, 80), Capacity(1, memory_mib, 0)
        with world.begin() as connection:
            beat = Heartbeat(shop.node, "1", True, {}, measured, 0, 0, own_work=own)
            connection.execute(node.update().values(measured=asdict(measured), heartbeat_at=None))
            record_heartbeat(connection, beat, world.clock.now())
        shop.turn(4)
        return shop.free_in(world.minute + 50)

    assert uses(1024 + 2048) == 7
    assert uses(1024 + 2048 + 1) == 6
    assert "as your own work has used more" in " ".join(shop.kept().said)
    assert uses(1024 + 4 * 2048) == 4
    assert uses(0) == 4
    shop.turn(54)
    assert shop.free_in(world.minute + 50) == 4
    shop.turn(8)
    assert shop.free_in(world.minute + 50) == 7
