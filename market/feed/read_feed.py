"""Reading the event feed from any position: streams, and the events of one. `runtime.feed` writes it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from common.errors import NotFound
from runtime import feed
from runtime.feed import FeedEvent
from runtime.tables import feed_head


def streams(connection: Connection) -> dict[str, int]:
    """The position of the newest event of every stream, by the stream's name."""
    query = select(feed_head).order_by(feed_head.c.stream)
    return {row.stream: row.next_position - 1 for row in connection.execute(query)}


def read_stream(connection: Connection, stream: str, after: int, limit: int) -> list[tuple[int, FeedEvent]]:
    """Up to `limit` events with positions above `after`, in order and without a gap. Raises NotFound."""
    known = connection.execute(select(feed_head.c.stream).where(feed_head.c.stream == stream)).scalar_one_or_none()
    if known is None:
        raise NotFound("not_found", f"there is no stream {stream}", field="stream")
    return feed.read(connection, stream, after, limit)
