"""Many rows into a table: by pipelined inserts where they are few, by COPY where they are many.

COPY is the fastest way in, but its start and end cost two round trips of their own. It stops at the first row that does
not fit, as an insert does; neither tells which row it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from psycopg import Cursor
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import JSONB

from runtime.driver import Pipe, with_cursor

_COMPACT = json.JSONEncoder(separators=(",", ":"))
_COPY_FROM_ROWS = 10
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
    insert, copy, in_json = _statements(table, columns)
    if in_json:
        values = [_with_json(row, in_json) for row in values]
    if len(values) < _COPY_FROM_ROWS:
        pipe.put_many(insert, values)
    else:
        pipe.send()
        with_cursor(pipe.connection, copy, lambda cursor: _copy(cursor, copy, values))


def _copy(cursor: Cursor[Any], statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


@cache
def _statements(table: Table, columns: tuple[str, ...]) -> tuple[str, str, tuple[int, ...]]:
    """INSERT and COPY for these columns, and the places of those that hold JSON."""
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    in_json = tuple(place for place, name in enumerate(columns) if isinstance(table.c[name].type, JSONB))
    insert = f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608  # names of our own tables
    return insert, f"COPY {table.name} ({names}) FROM STDIN", in_json


def _with_json(row: tuple[Any, ...], in_json: tuple[int, ...]) -> tuple[Any, ...]:
    values = list(row)
    for place in in_json:
        if values[place] is not None:
            values[place] = _COMPACT.encode(values[place])
    return tuple(values)
