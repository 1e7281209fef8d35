"""Changes of what a guest is and has, within what its slices bought: size, settings, adapters, volumes, snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common.errors import Conflict, NotFound, Refused
from common.wire import DataDisk, Extras
from market.contracts.command_guest import Change, Desired
from market.contracts.storage_room import taken_gib

MOST_ADAPTERS = 8
MOST_VOLUMES = 8
MOST_SNAPSHOTS = 16


def rescale(**sizes: Any) -> Change:
    """`vcpus`, `cpu_shares`, `cpu_percent`, `memory_mib`, `disk_gib`, each where it is given."""

    def change(now: Desired) -> Desired:
        after = replace(now, guest=replace(now.guest, **sizes))
        for field in sizes.keys() & {"vcpus", "cpu_shares", "memory_mib"}:
            _check_bought(field, sizes[field], getattr(now.sold, field))
        check_storage(after, "disk_gib")
        return after

    return change


def configure(**settings: Any) -> Change:
    """`name`, `ssh_keys`, `user_data`, `ports`, each where it is given: the guest reads them when it starts."""
    return lambda now: replace(now, guest=replace(now.guest, **settings))


def attach_adapter(name: str) -> Change:
    """One more network adapter. Raises Refused (`too_many_devices`)."""

    def change(now: Desired) -> Desired:
        if name in now.extras.adapters:
            return now
        return _with(now, adapters=_added(now.extras.adapters, name, MOST_ADAPTERS))

    return change


def detach_adapter(name: str) -> Change:
    """Raises NotFound."""
    return lambda now: _with(now, adapters=_without(now.extras.adapters, name))


def add_volume(disk: DataDisk) -> Change:
    """A data disk out of what the slices bought. Raises Conflict where the name is taken by another one, and Refused
    (`beyond_the_slices`, `too_many_devices`)."""

    def change(now: Desired) -> Desired:
        if disk in now.extras.volumes:
            return now
        if disk.name in (each.name for each in now.extras.volumes):
            raise Conflict("already_exists", f"the guest has a volume {disk.name}", field="name")
        after = _with(now, volumes=_added(now.extras.volumes, disk, MOST_VOLUMES))
        check_storage(after, "size_gib")
        return after

    return change


def grow_volume(name: str, size_gib: int) -> Change:
    """Raises NotFound, and Refused (`beyond_the_slices`)."""

    def change(now: Desired) -> Desired:
        if name not in (disk.name for disk in now.extras.volumes):
            raise _unknown(name)
        sizes = [replace(disk, size_gib=size_gib) if disk.name == name else disk for disk in now.extras.volumes]
        after = _with(now, volumes=tuple(sizes))
        check_storage(after, "size_gib")
        return after

    return change


def remove_volume(name: str) -> Change:
    """With all that was written to it. Raises NotFound."""

    def change(now: Desired) -> Desired:
        kept = tuple(disk for disk in now.extras.volumes if disk.name != name)
        if kept == now.extras.volumes:
            raise _unknown(name)
        return _with(now, volumes=kept)

    return change


def take_snapshot(name: str) -> Change:
    """Keep the state that the guest's disk has when its agent hears of it. Raises Conflict where the name is taken, and
    Refused (`beyond_the_slices`, `too_many_devices`)."""

    def change(now: Desired) -> Desired:
        if name in now.extras.snapshots:
            raise Conflict("already_exists", f"the guest has a snapshot {name}", field="name")
        after = _with(now, snapshots=_added(now.extras.snapshots, name, MOST_SNAPSHOTS))
        check_storage(after, "name")
        return after

    return change


def drop_snapshot(name: str) -> Change:
    """Raises NotFound."""
    return lambda now: _with(now, snapshots=_without(now.extras.snapshots, name))


def revert(name: str) -> Change:
    """Give the disk the state that it had. Raises NotFound, and Conflict for a guest that is paused."""

    def change(now: Desired) -> Desired:
        if name not in now.extras.snapshots:
            raise _unknown(name)
        if now.want == "paused":
            raise Conflict("state_forbids", "a guest that is paused starts from its memory, not its disk", field="want")
        return _with(now, revert_to=name, reverts=now.extras.reverts + 1)

    return change


def check_storage(after: Desired, field: str) -> None:
    """Raises Refused (`beyond_the_slices`), and says what is missing."""
    needed, bought = taken_gib(after.guest, after.extras), after.sold.disk_gib + after.aside_gib
    if needed > bought:
        message = (
            f"disk, volumes and snapshots, each of which counts as much as the disk, would take {needed} GiB:"
            f" the guest's slices bought {after.sold.disk_gib}, {after.aside_gib} are set aside for snapshots, so that"
            f" {needed - bought} are missing; a volume of yours on the node can be set aside"
        )
        raise Refused("beyond_the_slices", message, field=field, limit=bought)


def _with(now: Desired, **changes: Any) -> Desired:
    extras: Extras = replace(now.extras, **changes)
    return replace(now, extras=extras)


def _added(there: tuple[Any, ...], new: Any, most: int) -> tuple[Any, ...]:
    if len(there) >= most:
        raise Refused("too_many_devices", f"a guest has {most} of these at most", limit=most)
    return (*there, new)


def _without(there: tuple[str, ...], name: str) -> tuple[str, ...]:
    if name not in there:
        raise _unknown(name)
    return tuple(each for each in there if each != name)


def _unknown(name: str) -> NotFound:
    return NotFound("not_found", f"the guest has no {name}", field="name")


def _check_bought(field: str, wanted: int, bought: int) -> None:
    if wanted > bought:
        message = f"{field} {wanted} is more than the slices bought, which is {bought}"
        raise Refused("beyond_the_slices", message, field=field, limit=bought)
