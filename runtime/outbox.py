"""The outbox: messages are written in the transaction that they tell of, and published after it by the worker's relay.

Publishing is at least once; the id doubles as Nats-Msg-Id, and receivers are idempotent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from runtime.driver import Pipe
from runtime.tables import outbox

CHANNEL = "nestex_outbox"
"""NOTIFY on it wakes the relay; it polls anyway."""

_PUT = text("""
    INSERT INTO outbox (id, subject, payload)
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:subjects AS text[]), CAST(:payloads AS bytea[]))
    ON CONFLICT DO NOTHING
""")
_WAKE = text("SELECT pg_notify(:channel, '')")


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message for a subject. `id` is unique for ever."""

    id: str
    subject: str
    payload: bytes


def put(connection: Connection, messages: Sequence[OutboxMessage]) -> None:
    """Write the messages; one whose id is there already is dropped."""
    pipe = Pipe(connection)
    put_messages(pipe, messages)
    pipe.send()


def put_messages(pipe: Pipe, messages: Sequence[OutboxMessage]) -> None:
    """The same by way of a pipe, with its next `send`."""
    if not messages:
        return
    columns = {
        "ids": [message.id for message in messages],
        "subjects": [message.subject for message in messages],
        "payloads": [message.payload for message in messages],
    }
    pipe.put(_PUT, columns)
    pipe.put(_WAKE, {"channel": CHANNEL})


def unpublished(connection: Connection, limit: int) -> list[OutboxMessage]:
    """The oldest unpublished messages; a row stays unpublished until it is marked, however late it committed."""
    query = (
        select(outbox).where(outbox.c.published_at.is_(None)).order_by(outbox.c.created_at, outbox.c.id).limit(limit)
    )
    return [OutboxMessage(row.id, row.subject, row.payload) for row in connection.execute(query)]


def mark_published(connection: Connection, ids: Sequence[str]) -> None:
    """The bus has acknowledged these."""
    connection.execute(outbox.update().where(outbox.c.id.in_(ids)).values(published_at=func.now()))
