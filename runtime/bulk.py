"""Rows into a table: as one JSON parameter where they are few, by COPY where they are many.

COPY is the fastest way in, but what waits is sent before it, and its start and end cost two round trips more. It stops
at the first row that does not fit, as an insert does; neither tells which row it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from psycopg import Cursor
from sqlalchemy import JSON, Connection, Insert, Table, Text, bindparam, cast, column, func, insert, select
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from runtime import quick_json
from runtime.driver import Pipe, with_cursor

_COPY_FROM_ROWS = 50
"""Measured with the rows of orders and of the feed, see docs/performance.md."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, all with the same columns in the same order. Values of JSONB columns are dicts or lists.

    Raises IntegrityError and DataError, and inserts nothing that outlives the transaction then.
    """
    pipe = Pipe(connection)
    put_rows(pipe, table, rows)
    pipe.send()


def put_rows(pipe: Pipe, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same by way of a pipe: few rows go with its next `send`, for many all that waits in it is sent at once."""
    if rows:
        put_values(pipe, table, tuple(rows[0]), [tuple(row.values()) for row in rows])


def put_values(pipe: Pipe, table: Table, columns: tuple[str, ...], values: Sequence[tuple[Any, ...]]) -> None:
    """The same for rows that come as tuples of these columns: a row of the ledger is made four times a contract and
    minute."""
    if not values:
        return
    known = _statements(table, columns)
    if len(values) < _COPY_FROM_ROWS:
        pipe.put(known.insert, {"rows": quick_json.text([_object(row, columns, known.in_bytes) for row in values])})
        return
    if known.in_json:
        values = [_with_json(row, known.in_json) for row in values]
    pipe.send()
    with_cursor(pipe.connection, known.copy, lambda cursor: _copy(cursor, known.copy, values))


def _copy(cursor: Cursor[Any], statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


class _Statements(NamedTuple):
    """Into some columns, and the places of those that hold JSON or bytes."""

    insert: Insert
    copy: str
    in_json: tuple[int, ...]
    in_bytes: tuple[int, ...]


@cache
def _statements(table: Table, columns: tuple[str, ...]) -> _Statements:
    names = ", ".join(columns)
    given = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(name, table.c[name].type) for name in columns))
        .render_derived(name="given", with_types=True)
    )
    return _Statements(
        insert=insert(table).from_select(columns, select(*given.c), include_defaults=False),
        copy=f"COPY {table.name} ({names}) FROM STDIN",
        in_json=_places(table, columns, JSONB),
        in_bytes=_places(table, columns, BYTEA),
    )


def _places(table: Table, columns: tuple[str, ...], kind: type[Any]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(columns) if isinstance(table.c[name].type, kind))


def _object(row: tuple[Any, ...], columns: tuple[str, ...], in_bytes: tuple[int, ...]) -> dict[str, Any]:
    """The row for JSON, bytes in PostgreSQL's own way of writing them."""
    named = dict(zip(columns, row, strict=True))
    for place in in_bytes:
        if row[place] is not None:
            named[columns[place]] = f"\\x{row[place].hex()}"
    return named


def _with_json(row: tuple[Any, ...], in_json: tuple[int, ...]) -> tuple[Any, ...]:
    values = list(row)
    for place in in_json:
        if values[place] is not None:
            values[place] = quick_json.text(values[place])
    return tuple(values)
