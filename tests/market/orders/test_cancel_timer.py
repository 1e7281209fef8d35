"""The dead-man timer: orders stay as long as their owner calls, and no longer, whoever restarts meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from common.errors import Conflict, Unavailable
from market.engine.commands import Answer, Command
from market.engine.reads import Question
from market.orders.cancel_timer import LONGEST_SECONDS, claim_due, read_timer, set_timer
from market.tables import cancel_timer, orders
from market.worker.cancel_timers import CancelTimers
from tests.market.factories import World


class DirectEngine:
    """An engine of this process; `away` makes it one that does not answer."""

    def __init__(self, world: World) -> None:
        self.processor = world.engine()
        self.away = False

    async def submit(self, shard: str, commands: Sequence[Command]) -> list[Answer]:
        if self.away:
            raise Unavailable("engine_unavailable", "away")
        return self.processor.process(commands)

    async def ask(self, shard: str, question: Question) -> dict[str, Any]:
        raise AssertionError("a timer asks an engine nothing")


def start(world: World, engine: DirectEngine, participant: str) -> None:
    asyncio.run(set_timer(world.database, engine, participant, 60))


def run_out(world: World) -> None:
    """Let the timers' time pass: the database's clock cannot be moved, but they can."""
    earlier = {name: cancel_timer.c[name] - timedelta(seconds=LONGEST_SECONDS) for name in ("due_at", "claimed_until")}
    with world.begin() as connection:
        connection.execute(cancel_timer.update().values(**earlier))


def look(world: World, engine: DirectEngine) -> int:
    """One turn of a worker that has just been started."""
    return asyncio.run(CancelTimers(world.database, engine).look_once())


def states(world: World, participant: str) -> list[str]:
    query = select(orders.c.state).where(orders.c.participant_id == participant).order_by(orders.c.sequence)
    with world.begin() as connection:
        return list(connection.execute(query).scalars())


def waiting(world: World, participant: str) -> list[Command]:
    return [world.bid(participant, start_by=world.minute + 100) for _ in range(2)]


def test_orders_are_canceled_when_their_owner_has_not_called_in_time(world: World) -> None:
    silent, calling, without = (world.participant(5_000_000) for _ in range(3))
    engine = DirectEngine(world)
    for participant in (silent, calling, without):
        engine.processor.process(waiting(world, participant))
    start(world, engine, silent)
    start(world, engine, calling)
    assert look(world, engine) == 0
    run_out(world)
    start(world, engine, calling)
    engine.processor.process(waiting(world, calling))
    assert look(world, engine) == 1
    assert look(world, engine) == 0
    assert states(world, silent) == ["canceled"] * 2
    assert states(world, calling) == ["canceled"] * 2 + ["new"] * 2, "a late call cancels before it starts anew"
    assert states(world, without) == ["new"] * 2
    with world.begin() as connection:
        assert read_timer(connection, silent) is None


def test_a_timer_that_could_not_be_carried_out_is_due_again(world: World) -> None:
    participant = world.participant(5_000_000)
    engine = DirectEngine(world)
    engine.processor.process(waiting(world, participant))
    start(world, engine, participant)
    run_out(world)
    engine.away = True
    assert look(world, engine) == 1
    assert states(world, participant) == ["new"] * 2
    with pytest.raises(Unavailable):
        start(world, engine, participant)
    engine.away = False
    assert look(world, engine) == 1
    assert states(world, participant) == ["canceled"] * 2


def test_while_a_timer_is_carried_out_nobody_starts_it_again(world: World) -> None:
    """Or else orders that are placed under the new timer could be canceled for the old one."""
    participant = world.participant(5_000_000)
    engine = DirectEngine(world)
    engine.processor.process(waiting(world, participant))
    start(world, engine, participant)
    run_out(world)
    with world.begin() as connection:
        assert [timer.participant for timer in claim_due(connection)] == [participant]
    for seconds in (60, 0):
        with pytest.raises(Conflict):
            asyncio.run(set_timer(world.database, engine, participant, seconds))
    assert look(world, engine) == 0
    run_out(world)
    assert look(world, engine) == 1, "who claimed it has died"
    assert states(world, participant) == ["canceled"] * 2
    start(world, engine, participant)


def test_a_timer_of_nobody_s_orders_ends_quietly(world: World) -> None:
    participant = world.participant()
    engine = DirectEngine(world)
    start(world, engine, participant)
    run_out(world)
    assert (look(world, engine), look(world, engine)) == (1, 0)
