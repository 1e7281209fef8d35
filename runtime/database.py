"""Connections and transactions: PostgreSQL through psycopg 3 and SQLAlchemy Core.

Every write of Nestex runs inside `transaction`, which begins once, commits once and retries what PostgreSQL asks to
retry.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from common.clock import RealClock, SystemClock
from runtime.driver import allow_driver_work

T = TypeVar("T")

DEADLOCK = "40P01"
SERIALIZATION = "40001"
_RETRIES = 5
_ASK_AFTER_SECONDS = 1.0
_USED_AT = "used_at"
_OPTIONS = "-c timezone=UTC -c idle_in_transaction_session_timeout=15000 -c lock_timeout=10000"
_BY_KEY = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"


def connect(
    url: str, *, application: str, pool_size: int = 5, by_key: bool = False, real: RealClock | None = None
) -> Engine:
    """A pool of connections. `url` is a libpq URL (`postgresql://...`); `application` shows in pg_stat_activity; `real`
    tells how long a connection was idle. `by_key` is for those who look all rows up by key: they never read whole
    tables, which PostgreSQL would plan for tables that were small a minute ago.

    A transaction that sits idle for 15 s is ended by the server, which frees the locks of a process that was stopped.
    """
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,  # guests' user data and keys' digests do not belong into logs
        connect_args={
            "application_name": application,
            "connect_timeout": 10,
            "options": f"{_OPTIONS} {_BY_KEY}" if by_key else _OPTIONS,
        },
    )
    allow_driver_work(engine)
    _ask_idle_connections(engine, real or SystemClock())
    return engine


def _ask_idle_connections(engine: Engine, real: RealClock) -> None:
    """Before a connection is used again after a while, see that it is alive: one that is not is replaced. Where it was
    used a moment ago, asking would cost a busy engine as much as a statement: then it is asked only if the server has
    said something since, or hung up, which the operating system knows."""

    def used(_driver: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = real.monotonic()

    def ask(driver: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        idle_seconds = real.monotonic() - record.info.get(_USED_AT, -_ASK_AFTER_SECONDS)
        try:
            if idle_seconds >= _ASK_AFTER_SECONDS or _has_word(driver):
                engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", used)
    event.listen(engine, "checkout", ask)


def _has_word(driver: Any) -> bool:
    """Whether anything has come on the line of an idle connection: a last message, or its end."""
    line = select.poll()
    line.register(driver.fileno(), select.POLLIN)
    return bool(line.poll(0))


def transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """What `work` returns, committed. A deadlock or serialization failure takes it back and runs it again, five times
    at most; `work` must have no effect outside the connection."""
    for attempt in range(_RETRIES):
        try:
            with engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in (DEADLOCK, SERIALIZATION) or attempt == _RETRIES - 1:
                raise
    raise AssertionError("unreachable")
