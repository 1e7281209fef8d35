"""The event feed: every committed change, in streams with gapless positions that follow the order of the commits.

A stream's head row is locked by `append` until the transaction ends; that is what makes positions and commits agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from runtime import quick_json
from runtime.driver import Asked, Pipe
from runtime.tables import feed

_APPEND = text("""
    WITH given AS (
        SELECT CAST(:stream AS text) AS stream, CAST(:events AS jsonb) AS events, CAST(:count AS bigint) AS count
    ), head AS (
        INSERT INTO feed_head AS known (stream, next_position) SELECT stream, 1 + count FROM given
        ON CONFLICT (stream) DO UPDATE SET next_position = known.next_position + EXCLUDED.next_position - 1
        RETURNING stream, next_position - CAST(:count AS bigint) AS first
    ), written AS (
        INSERT INTO feed (stream, position, kind, subject, payload, at_micros)
        SELECT head.stream, first + place - 1, event ->> 0, event ->> 1, event -> 2, CAST(event ->> 3 AS bigint)
        FROM head, given, jsonb_array_elements(events) WITH ORDINALITY AS each (event, place)
    )
    SELECT first FROM head
""")


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A change of the thing with the id `subject`, at market time `at_micros`."""

    kind: str
    subject: str
    payload: dict[str, Any]
    at_micros: int


def append(connection: Connection, stream: str, events: Sequence[FeedEvent]) -> int:
    """Write the events at the end of the stream; the position of the first. Call it last in the transaction."""
    pipe = Pipe(connection)
    appended = put_events(pipe, stream, events)
    pipe.send()
    first: int = appended.rows[0][0]
    return first


def put_events(pipe: Pipe, stream: str, events: Sequence[FeedEvent]) -> Asked:
    """The same by way of a pipe, with its next `send`."""
    rows = [[event.kind, event.subject, event.payload, event.at_micros] for event in events]
    return pipe.put(_APPEND, {"stream": stream, "count": len(rows), "events": quick_json.text(rows)})


def read(connection: Connection, stream: str, after: int, limit: int) -> list[tuple[int, FeedEvent]]:
    """Up to `limit` events with positions above `after`, in order."""
    query = select(feed).where(feed.c.stream == stream, feed.c.position > after).order_by(feed.c.position).limit(limit)
    return [
        (row.position, FeedEvent(row.kind, row.subject, row.payload, row.at_micros))
        for row in connection.execute(query)
    ]
