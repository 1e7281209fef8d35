"""What of a guest's storage is taken, and which snapshots have lost their room. Pure.

A snapshot may come to hold as much as the guest's disk is large, so it counts as that much: disk, volumes of the
guest's own and snapshots together have no more than was bought, by its slices or by volumes that are set aside for its
snapshots. The agent counts alike (`provisioner.snapshot_room`).
"""

from __future__ import annotations

from dataclasses import replace

from common.wire import Extras, GuestSpec


def taken_gib(guest: GuestSpec, extras: Extras) -> int:
    """What the guest's disk, volumes and snapshots may come to take."""
    return guest.disk_gib * (1 + len(extras.snapshots)) + sum(volume.size_gib for volume in extras.volumes)


def without_lost(guest: GuestSpec, extras: Extras, room_gib: int) -> Extras:
    """The extras without the snapshots, oldest first, that have no room since a volume that was set aside has ended:
    the agent has dropped them then."""
    while extras.snapshots and taken_gib(guest, extras) > room_gib:
        extras = replace(extras, snapshots=extras.snapshots[1:])
    return extras
