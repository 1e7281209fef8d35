"""A commit whose answer never came: the connection is cut before or after PostgreSQL has committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from market.engine.batch import BatchProcessor
from nestex.books import first_difference
from tests.market.factories import World, order


@contextmanager
def cut_once(world: World, engine: BatchProcessor, *, committed: bool) -> Iterator[None]:
    """The engine's next commit raises as a cut connection does, after it took effect or before."""
    dialect: Any = engine.database.dialect
    commit = dialect.do_commit
    waiting = [True]

    def cut(connection: Any) -> None:
        if waiting:
            waiting.clear()
            if committed:
                commit(connection)
            pid = connection.dbapi_connection.info.backend_pid
            with world.begin() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            connection.dbapi_connection.execute("SELECT 1")  # raises, as waiting for the answer would
        commit(connection)

    dialect.do_commit = cut  # stands for the line between engine and database
    try:
        yield
    finally:
        dialect.do_commit = commit
    assert not waiting


def test_a_batch_that_was_committed_unheard_is_answered_as_committed(world: World) -> None:
    buyer = world.participant(1_000_000)
    engine = world.engine()
    with cut_once(world, engine, committed=True):
        bid = order(engine.process([world.bid(buyer, start_by=world.minute + 30)]))
    assert engine.next_sequence == 2
    assert world.order_row(bid["id"])["state"] == "new"
    assert order(engine.process([world.cancel(bid["id"], buyer)]))["state"] == "canceled"
    assert first_difference(world.database) is None


def test_a_batch_that_never_got_there_is_taken_back(world: World) -> None:
    buyer = world.participant(1_000_000)
    engine = world.engine()
    before = engine.state.shard.state_hash()
    bid = world.bid(buyer, start_by=world.minute + 30, client_order_id="mine")
    with cut_once(world, engine, committed=False), pytest.raises(DBAPIError):
        engine.process([bid])
    assert engine.state.shard.state_hash() == before
    assert order(engine.process([bid]))["id"] == bid.order
    assert first_difference(world.database) is None
