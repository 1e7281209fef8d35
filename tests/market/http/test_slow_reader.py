"""A reader that takes no messages is cut off: what it does not take is not kept for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from fastapi import WebSocket
from nats.aio.client import Client
from starlette.types import Message

from common.clock import SystemClock
from market.engine.client import RemoteEngine
from market.feed.follow_book import BookHub
from market.feed.follow_feed import FeedHub
from market.http.directory import InstrumentDirectory
from market.http.keyring import KeyRing
from market.http.rate_limits import RateLimiter
from market.http.services import Services
from market.http.stream import connection as serving
from market.http.stream import open_streams
from market.http.stream.connection import Connection
from market.participants.keys import create_key
from runtime.settings import Settings
from tests.market.factories import World

TAKEN = 3
"""Messages that the reader takes: that it is accepted, authenticated and subscribed."""


class DeafReader:
    """The far end of a connection that subscribes, and then takes nothing more."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.says: list[Message] = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": json.dumps({"op": "subscribe", "channel": "account"})},
        ]

    async def receive(self) -> Message:
        if self.says:
            return self.says.pop(0)
        return await asyncio.Future()

    async def send(self, message: Message) -> None:
        if len(self.taken) == TAKEN:
            await asyncio.Future()
        self.taken.append(message)


def services(world: World) -> Services:
    """Of a market process whose bus nobody needs."""
    bus, feed = Client(), FeedHub(world.database)
    engine = RemoteEngine(bus)
    return Services(
        settings=Settings(database_url="", nats_url="", nats_credentials=Path()),
        database=world.database,
        clock=world.clock,
        currency="EUR",
        engine=engine,
        bus=bus,
        agents=None,
        keys=KeyRing(world.database, SystemClock()),
        instruments=InstrumentDirectory(world.database),
        limits=RateLimiter(SystemClock(), 100, 1),
        feed=feed,
        books=BookHub(engine, feed),
    )


def test_a_reader_that_takes_nothing_is_cut_off_and_leaves_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SEND_SECONDS", 0.1)
    monkeypatch.setattr(open_streams, "MOST_OF_ONE", 1)
    market, participant = services(world), world.participant()
    with world.begin() as connection:
        _, key = create_key(connection, 0, participant, "deaf", ["read"], None)

    async def listen() -> DeafReader:
        reader = DeafReader()
        websocket = WebSocket({"type": "websocket", "path": "/v1/stream"}, reader.receive, reader.send)
        await websocket.accept()
        await Connection(websocket, market).run(key)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is left behind"
        return reader

    assert len(asyncio.run(listen()).taken) == TAKEN
    with market.streams.opened(participant):
        pass
