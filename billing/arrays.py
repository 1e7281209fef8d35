"""Many ids as one array parameter: the statement stays the same, and within the limit on parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, any_, literal


def among(column: ColumnElement[Any], ids: Iterable[str]) -> ColumnElement[bool]:
    """Whether the text column is one of these."""
    return column == any_(literal(list(ids), ARRAY(Text)))
