from __future__ import annotations

import asyncio

import pytest
from nats.aio.msg import Msg

from common import subjects
from common.errors import Unavailable
from market.engine.client import RemoteEngine
from market.engine.commands import CancelOrder
from runtime import bus
from runtime.settings import Settings
from tests.conftest import NatsAccount

LONG_BEFORE_THE_TIME_OUT = 5.0


def test_nobody_waits_for_an_engine_that_stands_still_once_another_serves(nats_account: NatsAccount) -> None:
    """Neither the call that it took, nor those that wait behind it."""
    settings = Settings(
        database_url="postgresql://", nats_url=nats_account.url, nats_credentials=nats_account.credentials
    )

    async def story() -> None:
        client = await bus.connect(settings, "test")
        taken = asyncio.Event()

        async def stand_still(_message: Msg) -> None:
            taken.set()

        await client.subscribe(subjects.engine_commands("z"), cb=stand_still)
        engine = RemoteEngine(client)
        calls = [asyncio.create_task(engine.submit("z", [CancelOrder(f"ord_{n}", "prt_1")])) for n in range(5)]
        await taken.wait()
        await client.publish(subjects.engine_serving("another"))
        await client.publish(subjects.engine_serving("z"))
        async with asyncio.timeout(LONG_BEFORE_THE_TIME_OUT):
            ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(end, Unavailable) for end in ended)
        with pytest.raises(Unavailable, match="unknown"):
            raise ended[0]  # type: ignore[misc]  # each is an exception, as was just found
        await client.close()

    asyncio.run(story())
