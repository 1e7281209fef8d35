"""Subjects, streams and consumers on NATS, each named in one place. `<node>` and `<contract>` are ids."""

from __future__ import annotations

ALLOC_STREAM = "ALLOC"
STATUS_STREAM = "STATUS"
USAGE_STREAM = "USAGE"

ALLOC_SUBJECTS = "alloc.>"
STATUS_SUBJECTS = "status.>"
USAGE_SUBJECTS = "usage.>"

METERING_CONSUMER = "metering"
STATUS_CONSUMER = "status"

GENERATION_HEADER = "Nestex-Generation"
"""On an allocation: the generation of the market's database that wants it so."""


def allocation(node: str, contract: str) -> str:
    """Desired state of one contract."""
    return f"alloc.{node}.{contract}"


def allocations(node: str) -> str:
    """Desired state of all contracts of a node."""
    return f"alloc.{node}.>"


def allocation_consumer(node: str) -> str:
    """The durable consumer of a node's allocations; the market makes it, the agent binds to it."""
    return f"agent-{node}"


def metering_consumer(generation: int) -> str:
    """The market's durable consumer of usage reports. A database that was restored reads the stream from its beginning
    again, and so has a consumer of its own."""
    return _of_generation(METERING_CONSUMER, generation)


def status_consumer(generation: int) -> str:
    """The market's durable consumer of statuses and heartbeats, likewise."""
    return _of_generation(STATUS_CONSUMER, generation)


def status(node: str, contract: str) -> str:
    """State of one guest."""
    return f"status.{node}.{contract}"


def heartbeat(node: str) -> str:
    """The agent's heartbeat."""
    return f"status.{node}.hb"


def usage(node: str) -> str:
    """A node's usage reports."""
    return f"usage.{node}"


def command(node: str, verb: str) -> str:
    """Request to an agent: `sync`, `watermark`, `resend`, `retell`; `guest`, `console`, `snapshots`, `node`."""
    return f"cmd.{node}.{verb}"


def inbox_prefix(node: str) -> str:
    """Where an agent gets its answers."""
    return f"_INBOX.{node}"


def engine_commands(shard: str) -> str:
    """Commands for the engine of a shard (zone), as requests."""
    return f"engine.{shard}.commands"


def engine_serving(shard: str) -> str:
    """Told by an engine that begins to serve a shard: whoever still waits for an earlier one waits in vain."""
    return f"engine.{shard}.serving"


def engine_reads(shard: str) -> str:
    """Reads of the committed view of a shard's books, as requests."""
    return f"engine.{shard}.reads"


def _of_generation(durable: str, generation: int) -> str:
    return f"{durable}-{generation}" if generation else durable
