"""The room for snapshots of a guest: storage that its buyer pays for. Pure.

A snapshot may come to hold as much as the disk is large, so it counts as that much. A guest's disk, its volumes and its
snapshots together have no more than its slices bought, and what its buyer has set aside for them: volumes of its own on
the node. The market refuses what goes beyond (`market.contracts.change_guest`); here it is enforced.
"""

from __future__ import annotations

from collections.abc import Mapping

from common.wire import Allocation
from provisioner.guest import GuestRecord

UNLIMITED = 2**31
"""Where an older market does not tell what was bought."""


def aside_gib(guest: str, records: Mapping[str, GuestRecord], minute: int, *, but: str = "") -> int:
    """What volumes that are there now give to the snapshots of a guest, apart from the one `but`."""
    return sum(
        record.allocation.guest.disk_gib
        for contract, record in records.items()
        if record.allocation.extras.set_aside
        and record.allocation.extras.attached_to == guest
        and contract != but
        and record.state == "ready"
        and minute < record.allocation.end
    )


def room_for(allocation: Allocation, aside: int) -> int:
    """How many snapshots the guest can have."""
    if not allocation.bought_disk_gib:
        return UNLIMITED
    disk = allocation.guest.disk_gib
    taken = disk + sum(volume.size_gib for volume in allocation.extras.volumes)
    return max(0, allocation.bought_disk_gib + aside - taken) // disk


def without_room(allocation: Allocation, aside: int) -> tuple[str, ...]:
    """Those of its snapshots that have to go, oldest first."""
    kept = allocation.extras.snapshots
    return kept[: max(0, len(kept) - room_for(allocation, aside))]
