"""The lives of the agent's file: each start of an agent begins a new one, under which its usage reports are numbered.

Nothing on the node can prove that a file is the newest of its line: a copy of an older one, or of the whole node, looks
the same from inside. So no start numbers on where the file ends. What is not confirmed yet gets numbers of the new
life; the market drops what it had already, because it says the same of the same minute, and a number of one life never
stands for anything else.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from common import codec
from common.wire import UsageReport
from provisioner.store import Store

_LIFE = "life"
_SEQUENCE = "usage_sequence"
_WATERMARK = "usage_watermark"
_SINCE = "since_minute"
_BITS = 52
"""A life is below `common.wire.LARGEST_NUMBER`; that a node draws the same twice will not happen."""
_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Life:
    """The running life: its name, the number of its newest report and of the newest one that the market has committed,
    and the minute from which on the file knows everything that the node was told."""

    name: int
    sequence: int
    watermark: int
    since: int


def begin(store: Store, minute: int) -> None:
    """A new life, in its own transaction. In a new file it is the first, which knows nothing before `minute`."""
    with store.transaction():
        begin_again(store, minute)


def begin_again(store: Store, minute: int) -> None:
    """A new life, in the caller's transaction: everything unconfirmed becomes the first of it."""
    name, since = 1 + secrets.randbits(_BITS), store.number(_SINCE)
    if since is None:
        since = minute
        store.set_number(_SINCE, since)
    kept = store.usage_from(0, _ALL)
    store.drop_usage(_ALL)
    for number, (_, payload) in enumerate(kept, start=1):
        report = codec.decode(UsageReport, payload)
        store.add_usage(number, codec.encode(replace(report, sequence=number, life=name, since=since)))
    store.set_number(_LIFE, name)
    store.set_number(_SEQUENCE, len(kept))
    store.set_number(_WATERMARK, 0)


def running(store: Store) -> Life:
    """The life that `begin` has begun."""
    return Life(*(_known(store, name) for name in (_LIFE, _SEQUENCE, _WATERMARK, _SINCE)))


def advance(store: Store, sequence: int) -> None:
    """The newest report has this number now."""
    store.set_number(_SEQUENCE, sequence)


def confirm(store: Store, sequence: int) -> None:
    """The market has committed every report of this life up to this number."""
    store.drop_usage(sequence)
    store.set_number(_WATERMARK, max(sequence, running(store).watermark))


def _known(store: Store, name: str) -> int:
    value = store.number(name)
    assert value is not None, "no life has begun"
    return value
