"""Whatever becomes of a worker or of an answer: every change happens once, at most one in a minute, until it is off."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select

from market.engine.commands import CancelOrder, PlaceAsk
from market.reseller.keep import put_reseller
from market.reseller.turn import begin_turns
from market.tables import orders
from market.worker.resellers import _TURN, Resellers
from tests.market.factories import World
from tests.market.reseller.shop import Shop, keep


def placed(world: World) -> int:
    with world.begin() as connection:
        return connection.execute(select(func.count()).select_from(orders).where(orders.c.side == "ask")).scalar_one()


@pytest.mark.parametrize("fails", ["before", "after"])
def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_happens_twice(world: World, fails: str) -> None:
    shop = Shop(world)
    shop.engine.fails = fails
    shop.turn(3)
    assert placed(world) == (1 if fails == "after" else 0)
    shop.engine.fails = ""
    assert shop.turn_now() == 1
    assert (placed(world), len(shop.offers())) == (1, 1)
    assert shop.turn_now() == 0
    assert len({repr(commands) for _, commands in shop.engine.asked}) == 1


def test_a_worker_that_dies_between_its_note_and_the_engine_is_followed_by_one_that_goes_on(world: World) -> None:
    shop = Shop(world)
    world.real.pass_minutes(1)
    [turn] = begin_turns(world.database, [shop.node], world.minute)
    assert begin_turns(world.database, [shop.node], world.minute) == [turn]
    shop.turn_now()
    assert placed(world) == 1
    assert [commands for _, commands in shop.engine.asked] == [list(turn.commands)]


def test_of_two_workers_one_takes_the_turns(world: World) -> None:
    shop = Shop(world)
    world.real.pass_minutes(1)
    with world.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        assert shop.turn_now() == 0

    async def both() -> None:
        await asyncio.gather(*(Resellers(world.database, world.clock, shop.engine).turn_once() for _ in range(2)))

    asyncio.run(both())
    assert placed(world) == 1


def test_two_workers_without_the_lock_decide_once(world: World) -> None:
    shop = Shop(world)
    world.real.pass_minutes(1)
    first = begin_turns(world.database, [shop.node], world.minute)
    asyncio.run(Resellers(world.database, world.clock, shop.engine).turn_once())
    asyncio.run(shop.engine.submit("fra1", first[0].commands))
    assert placed(world) == 1
    assert shop.turn_now() == 0


def test_there_is_one_change_in_a_minute(world: World) -> None:
    shop = Shop(world, strategy="decay", decay_minutes=30, ahead_minutes=40)
    for minute in range(60):
        world.real.pass_minutes(1)
        for _ in range(3):
            shop.turn_now()
        if minute % 7 == 3:
            shop.buy(duration_minutes=5)
    in_minute = Counter(minute for minute, _ in shop.engine.asked)
    assert set(in_minute.values()) == {1}
    assert len(in_minute) > 10
    assert all(len(commands) == 1 for _, commands in shop.engine.asked)


@pytest.mark.parametrize("how", ["stop", "put"])
def test_switched_off_its_offers_leave_at_once_and_its_sales_stand(world: World, how: str) -> None:
    shop = Shop(world, keep=keep(1))
    shop.turn()
    shop.buy(duration_minutes=100)
    assert (shop.stop() if how == "stop" else shop.put(enabled=False)).state == "stopping"
    shop.turn_now()
    shop.turn_now()
    assert (shop.offers(), shop.kept().state, shop.sold_in(world.minute + 50)) == ([], "off", 1)
    assert shop.turn(5) == 0
    assert shop.stop().state == "off"
    shop.put()
    shop.turn()
    assert shop.offers()


def test_an_offer_under_way_while_it_is_switched_off_leaves_too(world: World) -> None:
    shop = Shop(world)
    shop.engine.fails = "before"
    shop.turn()
    shop.stop()
    shop.engine.fails = ""
    for _ in range(3):
        shop.turn_now()
    asked: list[Any] = [command for _, commands in shop.engine.asked for command in commands]
    assert [type(command) for command in asked] == [PlaceAsk, PlaceAsk, CancelOrder]
    assert (shop.offers(), shop.kept().state) == ([], "off")


def test_a_refused_offer_is_told_and_left_alone_for_a_while(world: World) -> None:
    shop = Shop(world)
    world.real.pass_minutes(1)
    begin_turns(world.database, [shop.node], world.minute)
    rival = world.ask(shop.provider, shop.node, slices=8, available_until=world.minute + 50)
    shop.engine.processor.process([rival])
    shop.turn_now()
    assert "The market refused it" in shop.kept().said[-1]
    shop.engine.processor.process([CancelOrder(rival.order, shop.provider)])
    assert shop.turn(4) == 0
    assert shop.turn(2) == 1


def test_an_offer_that_nobody_wants_is_noticed_although_no_turn_fell_into_the_eighth_minute(world: World) -> None:
    shop = Shop(world, strategy="zip")
    shop.turn()
    world.real.pass_minutes(11)
    shop.turn_now()
    assert "has found nobody for 11 minutes, so it asks less" in " ".join(shop.kept().said)
    shop.turn()
    assert "has found nobody" not in " ".join(shop.kept().said)


_UNWRITABLE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no such value' USING ERRCODE = 'data_exception'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON reseller FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()
"""
_FAULTS = {
    "its turn cannot be written": _UNWRITABLE.format(when="OLD.node_id = '{node}' AND OLD.pending IS NULL"),
    "its answer cannot be written": _UNWRITABLE.format(when="OLD.node_id = '{node}' AND OLD.pending IS NOT NULL"),
    "its settings cannot be read": "UPDATE reseller SET settings = '{{}}' WHERE node_id = '{node}'",
    "its note cannot be read": """UPDATE reseller SET pending = '{{"number": "1", "commands": [{{"kind": "none"}}]}}'
        WHERE node_id = '{node}'""",
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_node_that_is_at_fault_holds_up_no_other(world: World, fault: str) -> None:
    shop = Shop(world)
    faulty = world.node(shop.provider)
    with world.begin() as connection:
        put_reseller(connection, shop.provider, faulty, shop.settings(), world.minute, enabled=True)
        connection.exec_driver_sql(_FAULTS[fault].format(node=faulty))
    shop.turn(2)
    assert len(shop.offers()) == 1
    assert placed(world) == (2 if "answer" in fault else 1)
    assert shop.turn_now() == (1 if "answer" in fault else 0), "what has no answer is asked for again"
