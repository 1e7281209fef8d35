"""Single changes of rows: of every column of every table that follows from the journal, and of whole rows.

Each change is a kind of its own: the table, the column, and what is done to it. It is done to the first row in which it
is a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Text,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from tests.nestex.audit.watched_tables import ALIKE, EMPTY, FULL, UNSEEN, WATCHED, Watched

_PLACE: ColumnElement[Any] = literal_column("ctid::text")
"""Where a row lies: tells rows apart in the transaction that changes them."""

Apply = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class RowMutation:
    """`says` is in the sentence that tells of it."""

    name: str
    says: str
    apply: Apply


def column_mutations() -> Iterator[RowMutation]:
    """Of every column that is not UNSEEN."""
    for watched in WATCHED:
        for column in watched.table.columns:
            if f"{watched.name}.{column.name}" not in UNSEEN:
                yield from _of_column(watched, column)


def unseen_mutations() -> Iterator[RowMutation]:
    """Of the columns that are; all but those that time or chance stamps."""
    for watched in WATCHED:
        for column in watched.table.columns:
            if f"{watched.name}.{column.name}" in UNSEEN:
                yield from _of_column(watched, column)


def whole_row_mutations() -> Iterator[RowMutation]:
    """A row that is gone, or there twice under another key, or has exchanged everything but its key with another."""
    for watched in WATCHED:
        if watched.name not in ("ledger_account", "snapshot"):
            yield RowMutation(f"{watched.name}: dropped", watched.says, _drop(watched))
        if watched.name in _NEW_KEYS:
            yield RowMutation(f"{watched.name}: doubled", watched.says, _double(watched))
        if watched.name not in ("journal", "lease", "snapshot", "ledger_transfer", "ledger_account", "feed_head"):
            yield RowMutation(f"{watched.name}: exchanged", watched.says, _exchange_all(watched))


_NEW_KEYS: dict[str, dict[str, Any]] = {
    "journal": {"sequence": 1_000_000},
    "snapshot": {"next_sequence": 5},
    "orders": {"id": "ord_00000000000000000000000000", "client_order_id": None},
    "trade": {"ordinal": 1000},
    "contract": {"id": "con_00000000000000000000000000"},
    "billable_contract": {"contract_id": "con_00000000000000000000000000"},
    "ledger_transfer": {"key": "trade:con_00000000000000000000000000", "id": 1_000_000},
    "ledger_entry": {"ordinal": 1000},
    "feed": {"position": 1_000_000},
}


def _of_column(watched: Watched, column: Column[Any]) -> Iterator[RowMutation]:
    name = f"{watched.name}.{column.name}"
    for change, value in _changes(column).items() if name not in EMPTY else ():
        yield RowMutation(f"{name}: {change}", watched.says, _set(watched, column, value))
    if column.nullable and name not in FULL and isinstance(column.type, Integer | Text):
        given = 7 if isinstance(column.type, Integer) else "x"
        yield RowMutation(f"{name}: given", watched.says, _set(watched, column, given, column.is_(None)))
    if column.nullable and name not in EMPTY:
        yield RowMutation(f"{name}: taken away", watched.says, _set(watched, column, None))
    exchangeable = not column.primary_key and name not in ALIKE | EMPTY
    if exchangeable and watched.name not in ("lease", "feed_head", "snapshot", "journal"):
        yield RowMutation(f"{name}: exchanged with another row's", watched.says, _exchange(watched, column))


def _changes(column: Column[Any]) -> dict[str, Any]:
    """What may become of a value, by the name of the change."""
    if isinstance(column.type, Integer):
        step = 1_000_000 if column.primary_key else 1  # the next key is another row's
        return {"more": column + step, "less": column - step}
    if isinstance(column.type, ARRAY):
        return {"more": func.array_append(column, "nod_x")}
    if isinstance(column.type, Text):
        return {"altered": column + "x"}
    if isinstance(column.type, Boolean):
        return {"negated": ~column}
    if isinstance(column.type, BYTEA):
        return {"a byte": func.set_byte(column, 0, 255 - func.get_byte(column, 0)), "cut": func.substr(column, 2)}
    return {"altered": [{"x": 1}]} if isinstance(column.type, JSONB) else {}


def _first(connection: Connection, watched: Watched, *where: ColumnElement[bool]) -> str:
    """The place of the row that was written first."""
    rows = () if watched.rows is None else (watched.rows,)
    query = select(_PLACE).select_from(watched.table).where(*rows, *where).order_by(literal_column("ctid")).limit(1)
    place: str = connection.execute(query).scalar_one()
    return place


def _there(column: Column[Any]) -> ColumnElement[bool]:
    """Whether the row has the column; what JSON calls null is nothing too."""
    return column.is_not(None) & (func.coalesce(func.to_json(column).cast(Text), "null") != "null")


def _is_at(place: str) -> ColumnElement[bool]:
    return _PLACE.in_([place])


def _set(watched: Watched, column: Column[Any], value: Any, where: ColumnElement[bool] | None = None) -> Apply:
    def apply(connection: Connection) -> None:
        place = _first(connection, watched, _there(column) if where is None else where)
        connection.execute(watched.table.update().where(_is_at(place)).values({column.name: value}))

    return apply


def _drop(watched: Watched) -> Apply:
    def apply(connection: Connection) -> None:
        place = _first(connection, watched)
        connection.execute(watched.table.delete().where(_is_at(place)))

    return apply


def _double(watched: Watched) -> Apply:
    def apply(connection: Connection) -> None:
        place = _first(connection, watched)
        [row] = connection.execute(select(watched.table).where(_is_at(place))).mappings()
        connection.execute(watched.table.insert(), dict(row) | _NEW_KEYS[watched.name])

    return apply


def _exchange(watched: Watched, column: Column[Any]) -> Apply:
    """The values of the column in the first row, and in the first that has another there."""

    def apply(connection: Connection) -> None:
        one = _first(connection, watched, _there(column))
        value = connection.execute(select(column).where(_is_at(one))).scalar_one()
        _swap(connection, watched, (one, _first(connection, watched, _there(column), column != value)), [column])

    return apply


def _exchange_all(watched: Watched) -> Apply:
    """All but the keys of the first two rows."""

    def apply(connection: Connection) -> None:
        one = _first(connection, watched)
        rest = [column for column in watched.table.columns if not column.primary_key]
        _swap(connection, watched, (one, _first(connection, watched, ~_is_at(one))), rest)

    return apply


def _swap(connection: Connection, watched: Watched, places: tuple[str, str], columns: list[Column[Any]]) -> None:
    rows = [connection.execute(select(*columns).where(_is_at(place))).mappings().one() for place in places]
    for place, row in zip(places, reversed(rows), strict=True):
        connection.execute(watched.table.update().where(_is_at(place)).values(dict(row)))
