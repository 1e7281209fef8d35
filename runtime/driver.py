"""psycopg's own cursor inside SQLAlchemy's transaction: for COPY, and for several statements in one round trip.

The work runs where SQLAlchemy would execute a statement, so errors come out as SQLAlchemy's, and a connection that was
lost is given up, as with any other statement.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from psycopg import Cursor
from sqlalchemy import ClauseElement, Connection, Engine, event
from sqlalchemy.dialects import postgresql

_WORK = "driver_work"
_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types


def allow_driver_work(engine: Engine) -> None:
    """Let the functions below work on connections of this engine."""
    event.listen(engine, "do_execute", _execute)


def with_cursor(connection: Connection, name: str, work: Callable[[Cursor[Any]], None]) -> None:
    """Do the work with a cursor of the driver, in the connection's transaction. `name` stands in error messages."""
    connection.exec_driver_sql(name, execution_options={_WORK: work})


class Asked:
    """A statement on its way. `rows` are what it returned, once it was sent: as named tuples where it was built from
    tables, as plain ones where it is text; of one that returns nothing, none."""

    __slots__ = ("make_row", "parameters", "rows", "text")

    def __init__(self, text: str, parameters: Mapping[str, Any], make_row: Callable[[Any], Any]) -> None:
        self.text = text
        self.parameters = parameters
        self.make_row = make_row
        self.rows: list[Any] = []


class Pipe:
    """Statements that go to the server together, in one round trip, in the order in which they were put.

    Nothing happens before `send`; the first statement that fails fails those behind it.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._waiting: list[Asked] = []

    def put(self, statement: ClauseElement, parameters: Mapping[str, Any]) -> Asked:
        """A statement that was built once for all its uses, to go with the next `send`."""
        text, constants, make_row = _compiled(statement)
        asked = Asked(text, {**constants, **parameters}, make_row)
        self._waiting.append(asked)
        return asked

    def send(self) -> None:
        """Send what was put, and take the answers."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            with_cursor(self.connection, "; ".join(asked.text for asked in waiting), lambda own: _send(own, waiting))


def _send(cursor: Cursor[Any], waiting: Sequence[Asked]) -> None:
    driver = cursor.connection
    cursors = [driver.cursor() for _ in waiting]
    with driver.pipeline():
        for own, asked in zip(cursors, waiting, strict=True):
            own.execute(asked.text, asked.parameters)
    for own, asked in zip(cursors, waiting, strict=True):
        if own.rownumber is not None:
            asked.rows = [asked.make_row(row) for row in own.fetchall()]


@cache
def _compiled(statement: ClauseElement) -> tuple[str, dict[str, Any], Callable[[Any], Any]]:
    """Its text for the driver, the constants that it was built with, and what makes its rows."""
    compiled = statement.compile(dialect=_DIALECT)
    constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}
    columns = list(getattr(statement, "exported_columns", ()))
    if not columns:
        return str(compiled), constants, tuple
    row_type: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]  # not known to mypy
    return str(compiled), constants, row_type._make


def _execute(cursor: Cursor[Any], _statement: str, _parameters: Sequence[Any], context: Any) -> bool:
    """SQLAlchemy's hook before a statement: whether it was done here."""
    work = context.execution_options.get(_WORK)
    if work is None:
        return False
    work(cursor)
    return True
