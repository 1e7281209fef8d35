"""Desired state, as it comes from the market: what is taken over, and what was known already.

The market sends the whole desired state of a contract under a revision, possibly twice or out of order; only a revision
above the stored one changes anything, or any revision of a newer generation of the market's database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from common import codec
from common.errors import Refused
from common.minutes import Window
from common.wire import WIRE_VERSION, Allocation, GuestStatus, Spoken
from provisioner import generations
from provisioner.guest import MS_PER_MINUTE, GuestRecord, Obeyed
from provisioner.store import Store

log = logging.getLogger(__name__)


def read_allocation(payload: bytes) -> Allocation:
    """The message, checked. Raises InvalidInput (`message_malformed` or `window_empty`), and Refused (`agent_outdated`)
    where it has a meaning that this agent does not know."""
    needed = codec.decode(Spoken, payload, lenient=True).version
    if needed > WIRE_VERSION:
        message = f"it is of version {needed} of the protocol, this agent speaks {WIRE_VERSION} and has to be upgraded"
        raise Refused("agent_outdated", message)
    allocation = codec.decode(Allocation, payload, lenient=True)
    Window(allocation.start, allocation.end)
    return allocation


def accept(store: Store, allocations: Iterable[Allocation], now_ms: int) -> int:
    """Store what is new, in one transaction; how many were. After it the messages may be acknowledged."""
    with store.transaction():
        return sum(_accept(store, allocation, now_ms) for allocation in allocations)


def _accept(store: Store, allocation: Allocation, now_ms: int) -> bool:
    known = store.guest(allocation.contract)
    if allocation.generation < generations.newest(store):
        return False
    if known is not None and _age(allocation) <= _age(known.allocation):
        return False
    log.info("contract %s: revision %d, %s", allocation.contract, allocation.revision, allocation.want)
    if known is not None and not _is_wanted_anew(allocation, known, now_ms):
        store.put_guest(_under(allocation, known))
        return True
    # What passed before is not this file's to tell: a file that was lost, or a later one, may have reported it.
    next_minute = max(allocation.start, now_ms // MS_PER_MINUTE)
    store.put_guest(GuestRecord(allocation, next_minute))
    status = GuestStatus(store.node, allocation.contract, allocation.revision, "accepted", now_ms)
    store.add_status(allocation.contract, codec.encode(status))
    return True


def _is_wanted_anew(allocation: Allocation, known: GuestRecord, now_ms: int) -> bool:
    """Whether the guest was removed when its time was over, and has got more: its contract is its buyer's again."""
    is_over = allocation.want == "gone" or allocation.end <= now_ms // MS_PER_MINUTE
    same_time = allocation.generation == known.allocation.generation
    return known.state == "removed" and same_time and not is_over


def _under(allocation: Allocation, known: GuestRecord) -> GuestRecord:
    """The record with its newer desired state. What was asked of a guest in a time that the market gave up does not
    count."""
    if allocation.generation == known.allocation.generation:
        return replace(known, allocation=allocation)
    extras, obeyed = allocation.extras, known.obeyed
    asked = Obeyed(
        starts=min(obeyed.starts, extras.starts),
        restarts=min(obeyed.restarts, extras.restarts),
        reverts=min(obeyed.reverts, extras.reverts),
    )
    return replace(known, allocation=allocation, applied=0, obeyed=asked)


def _age(allocation: Allocation) -> tuple[int, int]:
    """What a restored market says counts more than what it said before it was restored."""
    return allocation.generation, allocation.revision
