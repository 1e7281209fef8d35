"""How many streams are open in this process: so many in all, and so many for each participant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import Busy

MOST_OF_ALL = 1_000
MOST_OF_ONE = 50
_RETRY_SECONDS = 10


class OpenStreams:
    """Streams that are open, by participant."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def opened(self, participant: str) -> Iterator[None]:
        """For the length of a stream. Raises Busy (`too_many_streams`)."""
        for number, limit in ((self._open.total(), MOST_OF_ALL), (self._open[participant], MOST_OF_ONE)):
            if number >= limit:
                message = "as many streams are open as there may be"
                raise Busy("too_many_streams", message, retry_after_seconds=_RETRY_SECONDS, limit=limit)
        self._open[participant] += 1
        try:
            yield
        finally:
            self._open[participant] -= 1
            self._open += Counter()  # forgets those who have none
