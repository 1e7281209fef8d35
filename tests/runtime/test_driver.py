from __future__ import annotations

import pytest
from sqlalchemy import Engine, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, DBAPIError

from runtime.driver import Pipe
from runtime.tables import feed_head

_MOVE = insert(feed_head).values(stream=bindparam("name"), next_position=1).returning(feed_head.c.next_position)
_ALL = select(feed_head).order_by(feed_head.c.stream)


def test_what_travels_together_happens_in_its_order_and_answers_each(database: Engine) -> None:
    with database.begin() as connection:
        pipe = Pipe(connection)
        before = pipe.put(_ALL, {})
        first = pipe.put(_MOVE, {"name": "a"})
        pipe.put(_MOVE, {"name": "b"})
        after = pipe.put(_ALL, {})
        plain = pipe.put(text("SELECT 1, :word"), {"word": "x"})
        assert first.rows == []
        pipe.send()
    assert before.rows == []
    assert [row.next_position for row in first.rows] == [1]
    assert [(row.stream, row.next_position) for row in after.rows] == [("a", 1), ("b", 1)]
    assert plain.rows == [(1, "x")]


def test_nothing_is_sent_twice(database: Engine) -> None:
    with database.begin() as connection:
        pipe = Pipe(connection)
        pipe.put(_MOVE, {"name": "a"})
        pipe.send()
        pipe.send()
        assert connection.execute(_ALL).all() == [("a", 1)]


def test_one_that_fails_fails_those_behind_it_and_nothing_is_kept(database: Engine) -> None:
    with database.connect() as connection:
        pipe = Pipe(connection)
        pipe.put(_MOVE, {"name": "a"})
        pipe.put(text("SELECT CAST(:word AS bigint)"), {"word": "x"})
        pipe.put(_MOVE, {"name": "b"})
        with pytest.raises(DataError):
            pipe.send()
    with database.begin() as connection:
        assert connection.execute(_ALL).all() == []


def test_a_line_that_is_cut_is_known_as_such_and_not_used_again(database: Engine) -> None:
    with database.connect() as connection:
        pipe = Pipe(connection)
        pipe.put(text("SELECT pg_terminate_backend(pg_backend_pid())"), {})
        pipe.put(_MOVE, {"name": "a"})
        with pytest.raises(DBAPIError) as cut:
            pipe.send()
    assert cut.value.connection_invalidated
    with database.begin() as connection:
        assert connection.execute(_ALL).all() == []
