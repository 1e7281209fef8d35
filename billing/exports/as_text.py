"""Rows of text to bytes, in pieces that are written while the rows are still being read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from billing.exports.snapshot import BATCH_ROWS


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8 with a header."""
    yield _csv([header])
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_ROWS)):
        yield _csv(batch)


def json_pieces(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """One JSON list of objects, an object a line."""
    before = "[\n"
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_ROWS)):
        objects = (json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in batch)
        yield (before + ",\n".join(objects)).encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
