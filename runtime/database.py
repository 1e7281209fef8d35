"""Connections and transactions: PostgreSQL through psycopg 3 and SQLAlchemy Core.

Every write of Nestex runs inside `transaction`, which begins once, commits once and retries what PostgreSQL asks to
retry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from runtime.driver import allow_driver_work

T = TypeVar("T")

DEADLOCK = "40P01"
SERIALIZATION = "40001"
_RETRIES = 5


def connect(url: str, *, application: str, pool_size: int = 5) -> Engine:
    """A pool of connections. `url` is a libpq URL (`postgresql://...`); `application` shows in pg_stat_activity.

    A transaction that sits idle for 15 s is ended by the server, which frees the locks of a process that was stopped.
    """
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,  # guests' user data and keys' digests do not belong into logs
        connect_args={
            "application_name": application,
            "connect_timeout": 10,
            "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=15000 -c lock_timeout=10000",
        },
    )
    allow_driver_work(engine)
    return engine


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
