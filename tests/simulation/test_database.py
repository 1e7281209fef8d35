from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from runtime import outbox
from runtime.outbox import OutboxMessage
from tests.simulation.clocks import WALL_MICROS
from tests.simulation.database import CommitFault, SimulatedDatabase, database
from tests.simulation.loop import Process, new_loop


def test_the_database_tells_simulated_time(simulated_url: str) -> None:
    loop = new_loop()
    with database(simulated_url, loop) as data:

        async def story() -> list[float]:
            told = []
            for _ in range(2):
                with data.engine.begin() as connection:
                    told.append(connection.execute(select(func.now())).scalar_one().timestamp())
                await asyncio.sleep(3600)
            return told

        assert loop.run(story()) == [WALL_MICROS / 1e6, WALL_MICROS / 1e6 + 3600]


@pytest.mark.parametrize(("fault", "kept"), [("fails", []), ("is not heard of", ["con_1:1"])])
def test_a_commit_that_failed_and_one_that_nobody_heard_of_look_alike(
    simulated_url: str, fault: CommitFault, kept: list[str]
) -> None:
    loop = new_loop()
    with database(simulated_url, loop) as data:
        data.faults = {"worker": fault, "other": fault}

        async def story() -> None:
            with pytest.raises(DBAPIError) as raised, data.engine.begin() as connection:
                outbox.put(connection, [OutboxMessage("con_1:1", "s", b"")])
            assert raised.value.connection_invalidated
            assert _unpublished(data) == kept
            assert data.faults == {}, "one fault strikes once"

        async def main() -> None:
            await loop.start(Process("worker"), story())

        loop.run(main())


def test_a_seed_finds_nothing_of_the_one_before(simulated_url: str) -> None:
    with database(simulated_url, new_loop()) as data, data.engine.begin() as connection:
        outbox.put(connection, [OutboxMessage("con_1:1", "s", b"")])
    with database(simulated_url, new_loop()) as data:
        assert _unpublished(data) == []


def _unpublished(data: SimulatedDatabase) -> list[str]:
    with data.engine.begin() as connection:
        return [message.id for message in outbox.unpublished(connection, 10)]
