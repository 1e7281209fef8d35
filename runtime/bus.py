"""NATS for the server processes: the connection, the three streams, and the durable consumers.

JetStream is transport, never the record: everything on it can be told again from the database or from an agent's spool.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

import nats
from nats.aio.client import Client
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StreamConfig,
)
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from common import subjects
from runtime.settings import Settings

log = logging.getLogger("nestex.bus")

PING_SECONDS = 10
"""After three of which without an answer a connection is given up: a line that is cut resets none."""
_STREAM_NAME_IN_USE = 10058
_DAY_SECONDS = 86_400.0
_PAGE = 256
"""So many consumers nats-server names at a time."""

STREAMS = (
    StreamConfig(
        name=subjects.ALLOC_STREAM,
        description="desired state of contracts: the newest message of each",
        subjects=[subjects.ALLOC_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        max_msgs_per_subject=1,
        max_age=400 * _DAY_SECONDS,
        duplicate_window=120.0,
    ),
    StreamConfig(
        name=subjects.STATUS_STREAM,
        description="what agents report of guests, and their heartbeats",
        subjects=[subjects.STATUS_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        max_age=7 * _DAY_SECONDS,
        duplicate_window=120.0,
    ),
    StreamConfig(
        name=subjects.USAGE_STREAM,
        description="usage reports, kept by their agent until the market has committed them",
        subjects=[subjects.USAGE_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        max_age=7 * _DAY_SECONDS,
        duplicate_window=120.0,
    ),
)


async def connect(settings: Settings, name: str) -> Client:
    """A connection that never gives up; `name` shows in the server's monitoring."""
    return await nats.connect(
        settings.nats_servers,
        name=name,
        user_credentials=str(settings.nats_credentials),
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=PING_SECONDS,
        error_cb=_log_error,
    )


async def ensure_streams(jetstream: JetStreamContext) -> None:
    """Create the streams that are missing and bring the others to their configuration."""
    for stream in STREAMS:
        try:
            await jetstream.add_stream(stream)
        except APIError as error:
            if error.err_code != _STREAM_NAME_IN_USE:
                raise
            await jetstream.update_stream(stream)


async def ensure_allocation_consumer(jetstream: JetStreamContext, node: str) -> None:
    """The durable consumer from which the node's agent takes its desired state. Idempotent."""
    await jetstream.add_consumer(subjects.ALLOC_STREAM, _of_agent(node))


async def subscribe_durable(
    jetstream: JetStreamContext, stream: str, durable: str, filter_subject: str
) -> JetStreamContext.PullSubscription:
    """A pull subscription on a durable consumer of the market's own, made where it is missing."""
    await jetstream.add_consumer(stream, _of_market(durable, filter_subject))
    return await jetstream.pull_subscribe_bind(consumer=durable, stream=stream)


async def newest_consumer(jetstream: JetStreamContext, stream: str) -> ConsumerInfo | None:
    """The market's durable consumer of a stream, of the newest generation; None before a worker has started. Raises
    NotFoundError where there is no stream."""
    found = await jetstream.consumers_info(stream)
    return max(found, key=lambda consumer: consumer.name, default=None)


async def mend(jetstream: JetStreamContext, nodes: Collection[str], generation: int) -> list[str]:
    """Make anew what the bus has lost of the streams, of the market's durable consumers in a generation, and of these
    nodes' consumers; the names.

    A consumer that is made anew reads its stream from the beginning: whatever is in it may come a second time.
    """
    made = []
    wanted = {
        subjects.ALLOC_STREAM: [_of_agent(node) for node in nodes],
        subjects.STATUS_STREAM: [_of_market(subjects.status_consumer(generation), subjects.STATUS_SUBJECTS)],
        subjects.USAGE_STREAM: [_of_market(subjects.metering_consumer(generation), subjects.USAGE_SUBJECTS)],
    }
    for stream in STREAMS:
        assert stream.name is not None
        try:
            there = await _consumers(jetstream, stream.name)
        except NotFoundError:
            await jetstream.add_stream(stream)
            there = set()
            made.append(stream.name)
        for consumer in wanted[stream.name]:
            if consumer.durable_name not in there:
                await jetstream.add_consumer(stream.name, consumer)
                made.append(f"{stream.name}/{consumer.durable_name}")
    return made


def _of_agent(node: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=subjects.allocation_consumer(node),
        filter_subject=subjects.allocations(node),
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=10.0,
    )


def _of_market(durable: str, filter_subject: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=durable,
        filter_subject=filter_subject,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30.0,
        max_ack_pending=10_000,
    )


async def _consumers(jetstream: JetStreamContext, stream: str) -> set[str]:
    """The names of all consumers of a stream, which come in pages. Raises NotFoundError where there is no stream."""
    names: set[str] = set()
    while page := await jetstream.consumers_info(stream, offset=len(names)):
        names |= {consumer.name for consumer in page}
        if len(page) < _PAGE:
            break
    return names


async def _log_error(error: Exception) -> None:
    log.warning("bus: %s", error)
