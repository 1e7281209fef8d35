"""psycopg's own cursor inside SQLAlchemy's transaction: for COPY, and for several statements in one round trip.

The work runs where SQLAlchemy would execute a statement, so errors come out as SQLAlchemy's, and a connection that was
lost is given up, as with any other statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from psycopg import Cursor
from psycopg.rows import namedtuple_row
from sqlalchemy import ClauseElement, Connection, Engine, event
from sqlalchemy.dialects import postgresql

_WORK = "driver_work"
_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types

Question = tuple[ClauseElement, Mapping[str, Any]]
"""A statement, built once for all its uses, and its parameters."""


def allow_driver_work(engine: Engine) -> None:
    """Let the functions below work on connections of this engine."""
    event.listen(engine, "do_execute", _execute)


def with_cursor(connection: Connection, name: str, work: Callable[[Cursor[Any]], None]) -> None:
    """Do the work with a cursor of the driver, in the connection's transaction. `name` stands in error messages."""
    connection.exec_driver_sql(name, execution_options={_WORK: work})


def together(connection: Connection, *questions: Question) -> list[list[Any]]:
    """The rows that each of these statements returns, as named tuples; all of them in one round trip.

    They run in their order; the first that fails fails the rest. A statement that returns nothing gives no rows.
    """
    answers: list[list[Any]] = []

    def ask(cursor: Cursor[Any]) -> None:
        driver = cursor.connection
        cursors = [driver.cursor(row_factory=namedtuple_row) for _ in questions]
        with driver.pipeline():
            for own, (statement, parameters) in zip(cursors, questions, strict=True):
                own.execute(_text(statement), parameters)
        answers.extend(own.fetchall() if own.description else [] for own in cursors)

    with_cursor(connection, "several statements", ask)
    return answers


@cache
def _text(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _execute(cursor: Cursor[Any], _statement: str, _parameters: Sequence[Any], context: Any) -> bool:
    """SQLAlchemy's hook before a statement: whether it was done here."""
    work = context.execution_options.get(_WORK)
    if work is None:
        return False
    work(cursor)
    return True
