"""Text to bytes, in pieces of some size, and quoted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

_LINES = 2_000


def flushed(parts: Iterable[str]) -> Iterator[bytes]:
    """The parts in UTF-8, many in one piece."""
    parts = iter(parts)
    while batch := list(islice(parts, _LINES)):
        yield "".join(batch).encode()


def quoted(text: str) -> str:
    """In double quotes, which it may contain."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
