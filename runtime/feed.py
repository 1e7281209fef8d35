"""The event feed: every committed change, in streams with gapless positions that follow the order of the commits.

A stream's head row is locked by `append` until the transaction ends; that is what makes positions and commits agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from runtime.bulk import insert_rows
from runtime.tables import feed, feed_head

_MOVE_HEAD = (
    insert(feed_head)
    .values(stream=bindparam("stream"), next_position=1 + bindparam("events", type_=BigInteger))
    .on_conflict_do_update(
        index_elements=["stream"],
        set_={"next_position": feed_head.c.next_position + bindparam("events", type_=BigInteger)},
    )
    .returning(feed_head.c.next_position)
)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A change of the thing with the id `subject`, at market time `at_micros`."""

    kind: str
    subject: str
    payload: dict[str, Any]
    at_micros: int


def append(connection: Connection, stream: str, events: Sequence[FeedEvent]) -> int:
    """Write the events at the end of the stream; the position of the first. Call it last in the transaction."""
    following = int(connection.execute(_MOVE_HEAD, {"stream": stream, "events": len(events)}).scalar_one())
    first = following - len(events)
    rows = [
        {
            "stream": stream,
            "position": first + index,
            "kind": event.kind,
            "subject": event.subject,
            "payload": event.payload,
            "at_micros": event.at_micros,
        }
        for index, event in enumerate(events)
    ]
    insert_rows(connection, feed, rows)
    return first


def read(connection: Connection, stream: str, after: int, limit: int) -> list[tuple[int, FeedEvent]]:
    """Up to `limit` events with positions above `after`, in order."""
    query = select(feed).where(feed.c.stream == stream, feed.c.position > after).order_by(feed.c.position).limit(limit)
    return [
        (row.position, FeedEvent(row.kind, row.subject, row.payload, row.at_micros))
        for row in connection.execute(query)
    ]
