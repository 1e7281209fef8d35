"""PostgreSQL in a simulation: the real one, on simulated time, with commits that fail and commits that nobody hears of.

One database serves many seeds: it is emptied before each. `now()` is found in a schema of our own before the
server's, and tells the simulated time that its connection was given when a transaction began.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, event, text

from runtime.driver import allow_driver_work
from runtime.metadata import metadata
from tests.simulation.clocks import WALL_MICROS
from tests.simulation.loop import PROCESS, Life, Process, SimulatedLoop

CommitFault = Literal["fails", "is not heard of"]
FAULTS: tuple[CommitFault, ...] = ("fails", "is not heard of")

END_OTHERS = text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
"""Returns when they have ended: what they had locked is free then, whoever forgot them."""

_TICK_SECONDS = 0.1
"""The database's clock moves in steps, which saves a statement in most transactions."""
_CLOCK = """
    CREATE SCHEMA simulation;
    CREATE FUNCTION simulation.now() RETURNS timestamptz LANGUAGE sql STABLE AS
        $$ SELECT to_timestamp(current_setting('simulation.now')::double precision) $$;
"""


def prepare(url: str) -> None:
    """Give the migrated database at `url` a clock that a simulation drives, and no work of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CLOCK)
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET search_path TO simulation, public, pg_catalog").format(name))
        connection.execute(sql.SQL("ALTER DATABASE {} SET simulation.now TO '0'").format(name))
        connection.execute(sql.SQL("ALTER DATABASE {} SET jit TO off").format(name))
        for table in metadata.sorted_tables:  # no plan, and so no order of rows, is to depend on what ran before
            by_hand = sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(sql.Identifier(table.name))
            connection.execute(by_hand)


class SimulatedDatabase:
    """The engine that all simulated processes use, and the faults that are on their way: process name -> fault of its
    next commit that keeps something new, more than a lease."""

    def __init__(self, engine: Engine, loop: SimulatedLoop) -> None:
        self.engine = engine
        self.faults: dict[str, CommitFault] = {}
        self._loop = loop
        self._users: dict[Any, Process | None] = {}

    def now_seconds(self) -> float:
        """Real time since the Unix epoch."""
        return (WALL_MICROS + self._loop.time_micros()) / 1_000_000

    def hang_up(self, process: Process) -> None:
        """The process has died: what its sessions have locked is free."""
        for driver, user in self._users.items():
            if user is process and not driver.closed:
                driver.execute("SELECT pg_advisory_unlock_all()")

    def checkout(self, driver: Any, *_rest: Any) -> None:
        self._users[driver] = PROCESS.get()

    def checkin(self, driver: Any, _record: Any) -> None:
        self._users.pop(driver, None)

    def begin(self, connection: Connection) -> None:
        process = PROCESS.get()
        if process is not None and process.life is Life.DEAD:
            raise psycopg.OperationalError("the process is dead")
        if self.now_seconds() > connection.info.get("now_seconds", 0) + _TICK_SECONDS:
            connection.info["now_seconds"] = self.now_seconds()
            connection.exec_driver_sql("SELECT set_config('simulation.now', %s, false)", (str(self.now_seconds()),))

    def rollback(self, connection: Connection) -> None:
        if not connection.invalidated:
            connection.info.pop("has_news", None)
            connection.info.pop("now_seconds", None)  # what the session was told is taken back with the transaction

    def execute(self, connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "INSERT" in statement and not statement.startswith("INSERT INTO lease "):
            connection.info["has_news"] = True

    def commit(self, connection: Connection) -> None:
        process = PROCESS.get()
        if not connection.info.pop("has_news", False) or process is None or process.name not in self.faults:
            return
        fault = self.faults[process.name]
        self.faults = {name: other for name, other in self.faults.items() if other != fault}
        driver: Any = connection.connection.driver_connection
        if fault == "is not heard of":
            driver.commit()
        driver.close()  # so that the commit that follows fails as it does when the line breaks


@contextmanager
def database(url: str, loop: SimulatedLoop) -> Iterator[SimulatedDatabase]:
    """The database at `url`, empty."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=2, max_overflow=-1)
    allow_driver_work(engine)
    simulated = SimulatedDatabase(engine, loop)
    tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(END_OTHERS)  # of the seed before
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # past the triggers that forbid it
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))  # names of our own metadata
    opened: list[Any] = []
    event.listen(engine, "connect", lambda driver, _record: opened.append(driver))
    event.listen(engine, "checkout", simulated.checkout)
    event.listen(engine, "checkin", simulated.checkin)
    event.listen(engine, "begin", simulated.begin)
    event.listen(engine, "before_cursor_execute", simulated.execute)
    event.listen(engine, "commit", simulated.commit)
    event.listen(engine, "rollback", simulated.rollback)
    try:
        yield simulated
    finally:
        engine.dispose()
        for driver in opened:  # also those of processes that died while they held one, and with it perhaps a lock
            driver.close()
