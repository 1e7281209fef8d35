"""What most exports are: a header, and rows of text that are read as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dataset:
    """The names of the columns, and the rows' values as text."""

    header: tuple[str, ...]
    rows: Iterator[tuple[str, ...]]
