"""How much of a node its provider needs itself: what it wants to keep, or more where its own work uses more. Pure.

What own work uses comes with heartbeats. It counts as far as it goes into what the node offers: a provider that offers
less than the machine has, has left room already. It is kept back at once, and given up when it has not been used for
HOLD_MINUTES, so that offers do not flutter.
"""

from __future__ import annotations

import dataclasses

from common.wire import Capacity
from market.reseller.settings import NOTHING, OwnWork
from market.reseller.view import Seen, View

HOLD_MINUTES = 60


def kept_back(seen: Seen) -> Capacity:
    """What is not sold."""
    held = seen.memory.own_work
    return seen.settings.keep if held is None else _most(seen.settings.keep, held.amount)


def with_own_work(seen: Seen) -> Seen:
    """With own work of now in its memory."""
    now, held = _into_offer(seen.view), seen.memory.own_work
    if held is None or seen.minute >= held.minute + HOLD_MINUTES:
        kept = None if now == NOTHING else OwnWork(seen.minute, now)
    else:
        most = _most(held.amount, now)
        kept = OwnWork(seen.minute if most == now else held.minute, most)
    return dataclasses.replace(seen, memory=dataclasses.replace(seen.memory, own_work=kept))


def _into_offer(view: View) -> Capacity:
    """What own work uses of the offered part."""
    if view.own_work is None:
        return NOTHING
    has, uses, offers = view.measured or view.offered, view.own_work, view.offered
    return Capacity(
        max(0, uses.vcpus - max(0, has.vcpus - offers.vcpus)),
        max(0, uses.memory_mib - max(0, has.memory_mib - offers.memory_mib)),
        max(0, uses.disk_gib - max(0, has.disk_gib - offers.disk_gib)),
    )


def _most(one: Capacity, other: Capacity) -> Capacity:
    return Capacity(
        max(one.vcpus, other.vcpus), max(one.memory_mib, other.memory_mib), max(one.disk_gib, other.disk_gib)
    )
