"""Keys that were seen a moment ago, so that not every request asks the database. A revocation takes hold within
seconds."""

from __future__ import annotations

import hashlib

from sqlalchemy import Engine

from common.clock import RealClock
from market.participants.keys import Caller, authenticate

_TRUSTED_SECONDS = 2.0
_CAPACITY = 10_000


class KeyRing:
    """A small cache over `authenticate`. It holds digests, not keys."""

    def __init__(self, database: Engine, real: RealClock) -> None:
        self._database = database
        self._real = real
        self._seen: dict[bytes, tuple[float, Caller]] = {}

    def known(self, text: str) -> Caller | None:
        """The caller, if this key was checked within the last seconds."""
        entry = self._seen.get(_digest(text))
        if entry is None or entry[0] < self._real.monotonic():
            return None
        return entry[1]

    def check(self, text: str) -> Caller:
        """Ask the database. Raises Unauthenticated."""
        with self._database.begin() as connection:
            caller = authenticate(connection, text)
        if len(self._seen) >= _CAPACITY:
            self._seen.clear()
        self._seen[_digest(text)] = (self._real.monotonic() + _TRUSTED_SECONDS, caller)
        return caller

    def forget(self) -> None:
        """Ask again for every key: one of them was revoked here."""
        self._seen.clear()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
