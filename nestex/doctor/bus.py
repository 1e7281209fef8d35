"""What NATS must be: there, with JetStream and the three streams, and not full of what nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import nats
import nats.errors
from nats.js.client import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from common import subjects
from nestex.doctor.finding import Finding, bad, ok, warning
from runtime.bus import STREAMS, newest_consumer

_CONNECT_SECONDS = 3
_MANY_WAITING = 10_000
_READ_BY_THE_MARKET = (subjects.STATUS_STREAM, subjects.USAGE_STREAM)


def examine(url: str, credentials: Path) -> Iterator[Finding]:
    """Findings about the bus; one bad finding where it cannot be reached."""
    if not credentials.exists():
        yield bad("bus", f"there is no credentials file {credentials}", "set NESTEX_NATS_CREDENTIALS, or name --data")
    else:
        yield from asyncio.run(_examine(url, credentials))


async def _examine(url: str, credentials: Path) -> list[Finding]:
    try:
        client = await nats.connect(
            url.split(","),
            name="nestex doctor",
            user_credentials=str(credentials),
            connect_timeout=_CONNECT_SECONDS,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # the client means by it also how often it looks for a server at first
            reconnect_time_wait=0,
            error_cb=_ignore,
        )
    except (OSError, nats.errors.Error, TimeoutError) as error:
        remedy = "is nats-server running, and are NESTEX_NATS_URL and the credentials right?"
        return [bad("bus", f"{url} does not answer: {error!r}", remedy)]
    try:
        version = client.connected_server_version
        return [ok("bus", f"nats-server {version} answers"), *await _streams(client.jetstream())]
    finally:
        await client.close()


async def _streams(jetstream: JetStreamContext) -> list[Finding]:
    missing = []
    try:
        for stream in STREAMS:
            try:
                await jetstream.stream_info(str(stream.name))
            except NotFoundError:
                missing.append(str(stream.name))
        waiting = 0 if missing else await _waiting(jetstream)
    except (nats.errors.Error, JetStreamError, TimeoutError) as error:
        return [bad("streams", f"JetStream does not answer: {error!r}", "enable JetStream for the market's account")]
    if missing:
        return [bad("streams", f"missing: {', '.join(missing)}", "`nestex worker` makes them when it starts")]
    if waiting > _MANY_WAITING:
        return [warning("streams", f"{waiting} messages of agents wait", "run more `nestex worker` processes")]
    return [ok("streams", f"all there, {waiting} messages of agents wait")]


async def _waiting(jetstream: JetStreamContext) -> int:
    total = 0
    for stream in _READ_BY_THE_MARKET:
        consumer = await newest_consumer(jetstream, stream)
        total += 0 if consumer is None else consumer.num_pending or 0
    return total


async def _ignore(error: Exception) -> None:
    """What matters is raised as well."""
