"""One state of the database for the whole of an export, however long it is read, and rows that arrive in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row, text

BATCH_ROWS = 5_000
_PATIENT = text("SET LOCAL idle_in_transaction_session_timeout = '10min'")


@contextmanager
def snapshot(database: Engine) -> Iterator[Connection]:
    """A read-only transaction that sees what was committed when it began. A reader may take ten minutes for a batch."""
    with database.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            connection.execute(_PATIENT)
            yield connection


def streamed(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> Iterator[Row[Any]]:
    """The rows, fetched by a cursor of the server; several may be open on one connection."""
    return iter(connection.execute(statement, parameters or {}, execution_options={"yield_per": BATCH_ROWS}))
