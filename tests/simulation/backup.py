"""A backup of the simulated database: all rows of a moment, and the way back to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, select, text

from market.tables import contract
from nestex.backups.restore import NEW_GENERATION
from runtime.metadata import metadata
from tests.simulation.database import END_OTHERS
from tests.simulation.notebook import Notebook

_TABLES = [f'"{table.name}"' for table in metadata.sorted_tables]


class Backup:
    """Taken when it is made. What the market acknowledges later, it does not owe once the database is set back."""

    def __init__(self, engine: Engine, notebook: Notebook) -> None:
        self._engine = engine
        self._notebook = notebook
        self._placed, self._ordered = dict(notebook.placed), dict(notebook.ordered)
        with engine.begin() as connection:
            self._rows = {table: _copy_out(connection, table) for table in _TABLES}
            found = connection.execute(
                text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
            )
            self._sequences = [(name, value) for name, value in found if value is not None]

    def put_back(self) -> set[str]:
        """Set the database back as `nestex restore` does; the ids of contracts that are not there any more.

        All processes that use it must be dead.
        """
        self._engine.dispose()
        with self._engine.begin() as connection:
            connection.execute(END_OTHERS)
            before = _contracts(connection)
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # past the triggers
            connection.execute(text(f"TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY"))
            for table, rows in self._rows.items():
                _copy_in(connection, table, rows)
            for name, value in self._sequences:
                connection.execute(text("SELECT setval(:name, :value)"), {"name": name, "value": value})
            connection.exec_driver_sql(NEW_GENERATION.replace("clock_timestamp()", "now()"))
            self._notebook.placed, self._notebook.ordered = dict(self._placed), dict(self._ordered)
            return before - _contracts(connection)


def _contracts(connection: Connection) -> set[str]:
    return set(connection.execute(select(contract.c.id)).scalars())


def _copy_out(connection: Connection, table: str) -> bytes:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy)


def _copy_in(connection: Connection, table: str, rows: bytes) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        copy.write(rows)
