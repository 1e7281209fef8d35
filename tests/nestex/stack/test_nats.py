"""The embedded nats-server over starts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.client import Client, RawCredentials
from nats.errors import Error

from common.clock import SystemClock
from nestex.stack.folder import DataFolder
from nestex.stack.nats import start_nats
from nestex.stack.supervisor import Supervisor
from runtime.agent_access import SERVER_CREDENTIALS, Authority
from runtime.bus import ensure_streams
from runtime.nats_jwt import credentials_file, new_seed, public_key
from tests.nestex.stack.processes import once_back

T = TypeVar("T")


@contextmanager
def _served(path: Path, *, durable: bool = False) -> Iterator[tuple[str, Path]]:
    with DataFolder.hold(path) as folder, Supervisor(folder, SystemClock()) as supervisor:
        yield start_nats(supervisor, durable=durable)


def _with(url: str, credentials: str | RawCredentials, work: Callable[[Client], Awaitable[T]]) -> T:
    async def story() -> T:
        client = await nats.connect(
            url, user_credentials=credentials, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0.1
        )
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(story())


def _servers(served: tuple[str, Path], work: Callable[[Client], Awaitable[T]]) -> T:
    url, home = served
    return _with(url, str(home / SERVER_CREDENTIALS), work)


async def _publish(client: Client) -> None:
    await ensure_streams(client.jetstream())
    await client.jetstream().publish("usage.nod_1", b"report")


async def _count(client: Client) -> int:
    return (await client.jetstream().stream_info("USAGE")).state.messages


async def _jetstream_configuration(client: Client) -> dict[str, Any]:
    answer = await client.request("$SYS.REQ.SERVER.PING.JSZ", b'{"config": true}', timeout=5)
    configuration: dict[str, Any] = json.loads(answer.data)["data"]["config"]
    return configuration


def test_streams_address_and_authority_are_found_again_at_the_next_start(data_path: Path) -> None:
    with _served(data_path) as first:
        _servers(first, _publish)
        authority = Authority.load(first[1])
    with _served(data_path) as second:
        assert second == first
        assert Authority.load(second[1]) == authority
        assert _servers(second, _count) == 1


def test_every_write_is_synced_unless_told_otherwise(data_path: Path) -> None:
    def always_synced(served: tuple[str, Path]) -> bool:
        credentials = RawCredentials(credentials_file(*Authority.load(served[1]).system_credentials()))
        return bool(_with(served[0], credentials, _jetstream_configuration).get("sync_always"))

    with _served(data_path, durable=True) as durable:
        assert always_synced(durable)
    with _served(data_path) as fast:
        assert not always_synced(fast)


def test_it_listens_on_the_loopback_address_only_and_refuses_strangers(data_path: Path) -> None:
    with _served(data_path) as (url, _):
        assert url.startswith("nats://127.0.0.1:")
        user = new_seed("user")
        strange = Authority.create(1).agents.agent_jwt("nod_1", public_key(user), 1)
        with pytest.raises(Error, match=r"(?i)authorization violation"):
            _with(url, RawCredentials(credentials_file(strange, user)), _count)


def test_a_port_that_somebody_took_in_between_is_replaced(data_path: Path) -> None:
    with _served(data_path) as (first, _):
        taken = urlsplit(first).port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        with _served(data_path) as served:
            assert urlsplit(served[0]).port != taken
            _servers(served, _publish)


def test_after_a_crash_it_comes_back_at_the_same_address(supervisor: Supervisor) -> None:
    served = start_nats(supervisor, durable=False)
    _servers(served, _publish)
    first = supervisor.pid("nats")
    os.kill(first, signal.SIGKILL)
    assert once_back(supervisor, lambda: _servers(served, _count), (Error, OSError)) == 1
    assert supervisor.pid("nats") != first
