"""Many values as one array parameter: the statement stays the same, and within the limit on parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, any_, literal


def among(column: ColumnElement[Any], ids: Iterable[str]) -> ColumnElement[bool]:
    """Whether the text column is one of these."""
    return column == any_(literal(list(ids), ARRAY(Text)))


def text_array(values: Iterable[str]) -> str:
    """What PostgreSQL reads as an array of these texts; a list would cost the driver twenty times as much. In the
    statement, cast the parameter to text[]."""
    quoted = [f'"{value}"' for value in (each.replace("\\", "\\\\").replace('"', '\\"') for each in values)]
    return "{" + ",".join(quoted) + "}"


def number_array(values: Iterable[int]) -> str:
    """The same of integers, for an array type of integers."""
    return "{" + ",".join(map(int.__repr__, values)) + "}"
