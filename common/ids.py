"""Ids: a kind, 48 bits of milliseconds and 80 further bits in Crockford's base 32, so that ids of one kind sort by
time.

The layout is ULID's. `new_id` draws the 80 bits; `derived_id` computes them, for things that are born inside the
engine, where the same commands must give the same ids.
"""

from __future__ import annotations

import hashlib
import re
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}")

KINDS: dict[str, str] = {
    "prt": "participant",
    "usr": "user",
    "key": "API key",
    "nod": "node",
    "enr": "enrolment",
    "ord": "order",
    "con": "contract",
    "doc": "document",
    "crd": "credit after a close",
    "dsp": "dispute of metered minutes",
    "pay": "payment out of the market's bank account",
}


def new_id(kind: str, at_ms: int) -> str:
    """A fresh id of a kind from `KINDS`, at `at_ms` milliseconds since the Unix epoch."""
    return _compose(kind, at_ms, secrets.randbits(80))


def derived_id(kind: str, at_ms: int, *seed: str | int) -> str:
    """The id that belongs to `seed`: the same for the same arguments, for ever."""
    digest = hashlib.sha256("\x1f".join(map(str, seed)).encode()).digest()
    return _compose(kind, at_ms, int.from_bytes(digest[:10]))


def is_id(text: str, kind: str) -> bool:
    """Whether the text has the form of an id of this kind."""
    return bool(_ID.fullmatch(text)) and text.startswith(kind + "_")


def _compose(kind: str, at_ms: int, low: int) -> str:
    if kind not in KINDS:
        raise AssertionError(f"unknown kind of id: {kind!r}")
    value = (at_ms & (2**48 - 1)) << 80 | low
    digits = [_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{kind}_{''.join(digits)}"
