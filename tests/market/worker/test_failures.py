from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from common.errors import Unavailable
from common.wire import GuestStatus
from market.contracts.follow_guest import follow_guest
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, Command
from market.engine.reads import Question
from market.worker.failures import Failures
from nestex.books import first_difference
from tests.market.factories import World, contract_of


class Reachable:
    """An engine, which may be away."""

    def __init__(self, processor: BatchProcessor) -> None:
        self.processor = processor
        self.away = False
        self.answers: list[Answer] = []

    async def submit(self, shard: str, commands: Sequence[Command]) -> list[Answer]:
        if self.away:
            raise Unavailable("engine_unavailable", f"no engine of zone {shard} is running")
        answers = await asyncio.to_thread(self.processor.process, commands)
        self.answers += answers
        return answers

    async def ask(self, shard: str, question: Question) -> dict[str, Any]:
        raise AssertionError(f"{shard}: {question}")


def test_a_failed_guest_ends_its_contract_as_soon_as_an_engine_is_there_and_once(world: World) -> None:
    row = contract_of(world)
    engine = Reachable(world.engine("second"))
    world.real.pass_minutes(3)
    with world.begin() as connection:
        failed = GuestStatus(row["node_id"], row["id"], 1, "failed", world.real.micros // 1000, "no such image")
        follow_guest(connection, failed, world.real.micros)
    worker = Failures(world.database, engine)
    engine.away = True
    asyncio.run(worker.end_all())
    assert engine.answers == []
    engine.away = False
    asyncio.run(worker.end_all())
    asyncio.run(worker.end_all())
    [answer] = engine.answers
    assert answer.ended is not None
    assert answer.ended["minute"] == row["start_minute"] + 2
    assert first_difference(world.database) is None
