"""Desired state, as it comes from the market: what is taken over, and what was known already.

The market sends the whole desired state of a contract under a revision, possibly twice or out of order; only a revision
above the stored one changes anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from common import codec
from common.minutes import Window
from common.wire import Allocation, GuestStatus
from provisioner.guest import MS_PER_MINUTE, GuestRecord
from provisioner.store import Store

log = logging.getLogger(__name__)


def read_allocation(payload: bytes) -> Allocation:
    """The message, checked. Raises InvalidInput (`message_malformed` or `window_empty`)."""
    allocation = codec.decode(Allocation, payload, lenient=True)
    Window(allocation.start, allocation.end)
    return allocation


def accept(store: Store, allocations: Iterable[Allocation], now_ms: int) -> int:
    """Store what is new, in one transaction; how many were. After it the messages may be acknowledged."""
    with store.transaction():
        return sum(_accept(store, allocation, now_ms) for allocation in allocations)


def _accept(store: Store, allocation: Allocation, now_ms: int) -> bool:
    known = store.guest(allocation.contract)
    if known is not None and allocation.revision <= known.allocation.revision:
        return False
    log.info("contract %s: revision %d, %s", allocation.contract, allocation.revision, allocation.want)
    if known is not None:
        store.put_guest(replace(known, allocation=allocation))
        return True
    # What passed before is not this file's to tell: a file that was lost, or a later one, may have reported it.
    next_minute = max(allocation.start, now_ms // MS_PER_MINUTE)
    store.put_guest(GuestRecord(allocation, next_minute))
    status = GuestStatus(store.node, allocation.contract, allocation.revision, "accepted", now_ms)
    store.add_status(codec.encode(status))
    return True
