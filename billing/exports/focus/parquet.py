"""A FOCUS dataset as Parquet: decimals and instants in types of their own, a row group for every batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from billing.exports.dataset import Dataset
from billing.exports.focus.columns import DECIMALS, INSTANTS
from billing.exports.snapshot import BATCH_ROWS

_DECIMAL = pyarrow.decimal128(28, 6)
_INSTANT = pyarrow.timestamp("us", tz="UTC")
_ROWS = 4 * BATCH_ROWS


class _Pieces:
    """What the writer has written and nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The pieces stay."""

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


def parquet_pieces(dataset: Dataset) -> Iterator[bytes]:
    """The file, piece by piece: the same bytes for the same rows and release of pyarrow."""
    schema = pyarrow.schema([(name, _type(name)) for name in dataset.header])
    pieces = _Pieces()
    with pyarrow.parquet.ParquetWriter(pieces, schema, compression="zstd") as writer:
        while batch := list(islice(dataset.rows, _ROWS)):
            writer.write_batch(_typed(schema, batch))
            yield pieces.take()
    yield pieces.take()


def _typed(schema: pyarrow.Schema, rows: list[tuple[str, ...]]) -> pyarrow.RecordBatch:
    columns = [
        pyarrow.array([value or None for value in column], pyarrow.string()).cast(field.type)
        for field, column in zip(schema, zip(*rows, strict=True), strict=True)
    ]
    return pyarrow.RecordBatch.from_arrays(columns, schema=schema)


def _type(name: str) -> pyarrow.DataType:
    if name in DECIMALS:
        return _DECIMAL
    return _INSTANT if name in INSTANTS else pyarrow.string()
