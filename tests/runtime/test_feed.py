from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from runtime import feed
from runtime.feed import FeedEvent


def event(subject: str) -> FeedEvent:
    return FeedEvent("order", subject, {"state": "new"}, 1)


def test_events_are_read_in_the_order_in_which_they_were_committed(database: Engine) -> None:
    with database.begin() as connection:
        assert feed.append(connection, "engine.fra1", [event("a"), event("b")]) == 1
    with database.begin() as connection:
        assert feed.append(connection, "engine.fra1", [event("c")]) == 3
        assert [(position, read.subject) for position, read in feed.read(connection, "engine.fra1", 1, 10)] == [
            (2, "b"), (3, "c")
        ]  # fmt: skip


def test_streams_are_counted_apart(database: Engine) -> None:
    with database.begin() as connection:
        assert feed.append(connection, "engine.fra1", [event("a")]) == 1
        assert feed.append(connection, "contracts", [event("b")]) == 1


def test_writers_at_the_same_time_leave_no_gap(database: Engine) -> None:
    def write(number: int) -> None:
        with database.begin() as connection:
            feed.append(connection, "contracts", [event(f"{number}.{part}") for part in range(3)])
            if number % 5 == 0:
                connection.rollback()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(20)))
    with database.begin() as connection:
        events = feed.read(connection, "contracts", 0, 100)
    assert [position for position, _ in events] == list(range(1, 3 * 16 + 1))
    assert all(
        events[first][1].subject.partition(".")[0] == events[first + 2][1].subject.partition(".")[0]
        for first in range(0, len(events), 3)
    )
