"""A real market process in a thread: uvicorn on a loopback port, its engine beside it, a real bus and database."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn

from common.clock import SystemClock
from market.engine.client import RemoteEngine
from market.engine.loop import EngineLoop
from market.engine.process import serve
from market.feed.follow_book import BookHub
from market.feed.follow_feed import FeedHub
from market.http.app import create_app
from market.http.directory import InstrumentDirectory
from market.http.keyring import KeyRing
from market.http.rate_limits import RateLimiter
from market.http.services import Services
from market.participants.create_participant import create_participant
from market.participants.keys import SCOPES
from market.tables import node
from runtime import bus
from runtime.agent_access import AgentIssuer
from runtime.settings import Settings
from tests.conftest import NatsAccount
from tests.market.factories import ZONE, World
from tests.market.http.bodies import NODE, PROVIDER

_READY_SECONDS = 20


@dataclass
class Http:
    """Calls as one key's owner; `api` keeps the connection."""

    url: str
    key: str | None
    participant: str = ""
    api: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        self.api = httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.api.get(path, **arguments)

    def post(self, path: str, body: Any = None, **arguments: Any) -> httpx.Response:
        return self.api.post(path, json=body, **arguments)

    def patch(self, path: str, body: Any = None) -> httpx.Response:
        return self.api.patch(path, json=body)

    def delete(self, path: str, **arguments: Any) -> httpx.Response:
        return self.api.delete(path, **arguments)

    def as_(self, key: str | None, participant: str = "") -> Http:
        return Http(self.url, key, participant)


class _Server:
    """The market process's work, on an event loop of its own."""

    def __init__(self, world: World, account: NatsAccount, settings: dict[str, int]) -> None:
        self.world = world
        self.settings = Settings(
            database_url=world.database.url.render_as_string(hide_password=False),
            nats_url=account.url,
            nats_credentials=account.credentials,
            nats_agents=account.agents,
        ).model_copy(update=settings)
        self.listener = _listener()
        self.ready = threading.Event()
        self.server: uvicorn.Server | None = None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> str:
        self.thread.start()
        assert self.ready.wait(_READY_SECONDS)
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def stop(self) -> None:
        assert self.server is not None
        self.server.should_exit = True
        self.thread.join(_READY_SECONDS)
        self.listener.close()

    async def _serve(self) -> None:
        client = await bus.connect(self.settings, "test market")
        await bus.ensure_streams(client.jetstream())
        loop = EngineLoop(self.world.engine())
        running = asyncio.create_task(loop.run())
        engine_client = await bus.connect(self.settings, "test engine")
        await serve(engine_client, ZONE, loop)
        remote, feed = RemoteEngine(client), FeedHub(self.world.database)
        services = Services(
            settings=self.settings,
            database=self.world.database,
            clock=self.world.clock,
            currency="EUR",
            engine=remote,
            bus=client,
            agents=AgentIssuer.load(self.settings.nats_agents) if self.settings.nats_agents else None,
            keys=KeyRing(self.world.database, SystemClock()),
            instruments=InstrumentDirectory(self.world.database),
            limits=RateLimiter(self.world.real, self.settings.key_requests, self.settings.key_window_seconds),
            feed=feed,
            books=BookHub(remote, feed),
        )
        self.server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="warning"))
        self.ready.set()
        await self.server.serve(sockets=[self.listener])
        running.cancel()
        await engine_client.close()
        await client.close()


def _listener() -> socket.socket:
    """Explicitly of TCP: only then does asyncio turn off what delays the second half of an answer by 40 ms."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


@contextmanager
def running(world: World, nats_account: NatsAccount, **settings: int) -> Iterator[Http]:
    """A running market with these settings, as its operator sees it."""
    with world.begin() as connection:
        made, key = create_participant(
            connection, world.real.micros // 1000, "Operator", "operator@example.org", scopes=SCOPES
        )
    server = _Server(world, nats_account, settings)
    yield Http(server.start(), key, made.id)
    server.stop()


@pytest.fixture
def operator(world: World, nats_account: NatsAccount) -> Iterator[Http]:
    """A running market, as its operator sees it."""
    with running(world, nats_account) as made:
        yield made


@pytest.fixture
def buyer(operator: Http) -> Http:
    """A participant with 100.00 of cash."""
    return joined(operator, "Blauwal Builds", "ci@blauwal.example", "100.00")


@pytest.fixture
def provider(operator: Http) -> Http:
    """A provider with 100.00 of cash."""
    made = joined(operator, "Alster Analytics", "cloud@alster.example", "100.00")
    answer = made.post("/v1/providers", PROVIDER)
    assert answer.status_code == 201, answer.text
    return made


@pytest.fixture
def node_id(world: World, provider: Http) -> str:
    """The provider's node of eight slices, online."""
    return online_node(world, provider)


def online_node(world: World, provider: Http, **fields: Any) -> str:
    answer = provider.post("/v1/nodes", NODE | fields)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    with world.begin() as connection:
        connection.execute(node.update().values(state="online"))
    return made


def joined(operator: Http, name: str, email: str, amount: str) -> Http:
    answer = operator.post("/v1/participants", {"name": name, "email": email})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    deposit = {"participant": made["participant"]["id"], "amount": amount, "key": f"test/{email.partition(chr(64))[0]}"}
    assert operator.post("/v1/deposits", deposit).status_code == 201
    return operator.as_(made["api_key"], made["participant"]["id"])
