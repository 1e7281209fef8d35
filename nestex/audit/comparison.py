"""What must be, beside what is there: rows of a table, and how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matching.auditor.difference import Difference, require

_LONGEST = 200


def compare_rows(
    table: str, key: Sequence[str], expected: Iterable[Mapping[str, Any]], found: Iterable[Mapping[Any, Any]]
) -> None:
    """Raises Difference at the first expected row that is not there, column that differs, or row too many. Columns
    that are not expected are not looked at."""
    there = {_name(row, key): row for row in found}
    for wanted in expected:
        name = _name(wanted, key)
        row = there.pop(name, None)
        if row is None:
            raise Difference(f"{table} {name} is missing{_place(wanted)}")
        for column, value in wanted.items():
            if row[column] != value:
                there_is, must_be = _short(row[column]), _short(value)
                raise Difference(f"{table} {name}: {column} is {there_is}, the journal makes {must_be}{_place(wanted)}")
    for name in there:
        raise Difference(f"{table} {name} follows from nothing in the journal")


def compare_count(table: str, expected: int, found: int) -> None:
    """Raises Difference when there are rows too many, or too few."""
    require(expected == found, f"{table} has {found} rows, the journal makes {expected}")


def _name(row: Mapping[Any, Any], key: Sequence[str]) -> str:
    return ".".join(str(row[column]) for column in key)


def _place(row: Mapping[str, Any]) -> str:
    return f" at {row['shard']} {row['sequence']}" if "sequence" in row and "shard" in row else ""


def _short(value: Any) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
