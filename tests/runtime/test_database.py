from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from common.clock import SystemClock
from runtime.database import connect, transaction

LOCK = text("SELECT 1 FROM deadlock WHERE id = :id FOR UPDATE")


def test_a_deadlock_is_run_again_until_both_are_through(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE deadlock (id integer PRIMARY KEY, times integer DEFAULT 0)"))
        connection.execute(text("INSERT INTO deadlock VALUES (1), (2)"))
    together = threading.Barrier(2, timeout=20)
    met: set[int] = set()

    def work(first: int, second: int) -> None:
        def locking(connection: Connection) -> None:
            connection.execute(LOCK, {"id": first})
            if first not in met:
                met.add(first)
                together.wait()
            connection.execute(text("UPDATE deadlock SET times = times + 1 WHERE id = :id"), {"id": second})

        transaction(database, locking)

    other = threading.Thread(target=work, args=(2, 1))
    other.start()
    work(1, 2)
    other.join()
    with database.begin() as connection:
        assert connection.execute(text("SELECT sum(times) FROM deadlock")).scalar_one() == 2


class HandClock(SystemClock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


def test_connections_that_died_while_they_were_idle_are_replaced(database: Engine) -> None:
    real = HandClock()
    pool = connect(
        database.url.set(drivername="postgresql").render_as_string(hide_password=False), application="idle", real=real
    )
    try:
        cut = backend(pool)
        with database.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": cut})
        assert backend(pool) != cut, "it was used a moment ago, and the server has hung up"
        cut = backend(pool)
        with pool.connect() as connection:
            driver: Any = connection.connection.driver_connection
        driver.close()
        assert backend(pool) != cut
        real.seconds += 2
        assert backend(pool) == backend(pool), "one that is alive goes on"
    finally:
        pool.dispose()


def backend(pool: Engine) -> int:
    with pool.begin() as connection:
        found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


def test_another_error_is_raised_at_once_and_nothing_is_left(database: Engine) -> None:
    runs = []

    def work(connection: Connection) -> None:
        runs.append(1)
        connection.execute(text("INSERT INTO feed_head VALUES ('s', 1)"))
        connection.execute(text("INSERT INTO feed_head VALUES ('s', 1)"))

    with pytest.raises(IntegrityError):
        transaction(database, work)
    assert len(runs) == 1
    with database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM feed_head")).scalar_one() == 0


def test_who_looks_rows_up_by_key_never_reads_a_small_table_as_a_whole(database: Engine, database_url: str) -> None:
    plans = []
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE small AS SELECT generate_series(1, 3) AS id"))
        connection.execute(text("CREATE UNIQUE INDEX ON small (id)"))
        connection.execute(text("ANALYZE small"))
    for by_key in (False, True):
        engine = connect(database_url, application="test", pool_size=1, by_key=by_key)
        with engine.begin() as connection:
            rows = connection.execute(text("EXPLAIN SELECT * FROM small WHERE id = 2")).scalars()
            plans.append("Seq Scan" in " ".join(rows))
        engine.dispose()
    assert plans == [True, False]
