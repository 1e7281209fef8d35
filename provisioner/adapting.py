"""Giving a guest what a newer revision of its desired state says: its size, devices, snapshots. Runs in the
hypervisor's thread, changes only what differs, and may be repeated after a crash at any point.

What cannot be done is answered field by field, and is no failure of the guest. A passing failure of the hypervisor is:
Unavailable comes through, and all of it is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from common.errors import Conflict, NotFound, Refused
from common.wire import Allocation, DataDisk, FieldAnswer
from provisioner.hypervisor.port import Hypervisor, own_volume
from provisioner.snapshot_room import room_for


def adapt(driver: Hypervisor, allocation: Allocation, aside_gib: int = 0) -> tuple[FieldAnswer, ...]:
    """An answer for each field that differed, and for each device that could not be had. `aside_gib` is what its buyer
    has set aside for its snapshots."""
    contract, extras = allocation.contract, allocation.extras
    answers = list(driver.rescale(contract, allocation.revision, allocation.guest))
    answers += _volumes(driver, contract, extras.volumes)
    answers += _changes(
        "adapters",
        have=driver.nics(contract),
        want=extras.adapters,
        add=lambda name: driver.nic_attach(contract, name),
        drop=lambda name: driver.nic_detach(contract, name),
    )
    answers += _changes(
        "snapshots",
        have=[kept.name for kept in driver.snapshots(contract)],
        want=extras.snapshots,
        add=lambda name: _take(driver, allocation, aside_gib, name),
        drop=lambda name: driver.drop_snapshot(contract, name),
    )
    return tuple(answers)


def revert(driver: Hypervisor, allocation: Allocation) -> tuple[FieldAnswer, ...]:
    """Take the disk of a guest that is off back to a snapshot; a refusal where there is none."""
    refusal = _refusal("revert_to", lambda: driver.revert(allocation.contract, allocation.extras.revert_to))
    return () if refusal is None else (refusal,)


def _take(driver: Hypervisor, allocation: Allocation, aside_gib: int, name: str) -> None:
    room = room_for(allocation, aside_gib)
    if len(driver.snapshots(allocation.contract)) >= room:
        message = (
            f"there is room for {room} snapshots: each counts as the disk's {allocation.guest.disk_gib} GiB, the slices"
            f" bought {allocation.bought_disk_gib} GiB for disk, volumes and snapshots, {aside_gib} GiB are set aside"
        )
        raise Refused("beyond_the_slices", message)
    driver.snapshot(allocation.contract, name)


def _volumes(driver: Hypervisor, contract: str, wanted: Iterable[DataDisk]) -> list[FieldAnswer]:
    """The guest's own volumes: what is not wanted any more is deleted with what was written to it."""
    prefix = own_volume(contract, "")
    have = {volume.name.removeprefix(prefix): volume for volume in driver.volumes() if volume.name.startswith(prefix)}
    want = {disk.name: disk for disk in wanted}

    def add(name: str) -> None:
        disk, volume = want[name], own_volume(contract, name)
        driver.volume_create(volume, disk.size_gib, disk.filesystem)
        driver.volume_attach(contract, volume)

    def drop(name: str) -> None:
        driver.volume_detach(contract, own_volume(contract, name))
        driver.volume_remove(own_volume(contract, name))

    def grow(name: str) -> None:
        driver.volume_resize(own_volume(contract, name), want[name].size_gib)

    attached = [name for name, volume in have.items() if volume.guest]
    answers = _changes("volumes", attached, want, add, drop)
    other_size = [name for name in have if name in want and have[name].size_gib != want[name].size_gib]
    return answers + [answer for name in other_size if (answer := _refusal(f"volumes.{name}", lambda: grow(name)))]  # noqa: B023  called at once


def _changes(
    kind: str, have: Iterable[str], want: Iterable[str], add: Callable[[str], None], drop: Callable[[str], None]
) -> list[FieldAnswer]:
    there, wanted = list(have), list(want)
    found = [_refusal(f"{kind}.{name}", lambda: drop(name)) for name in there if name not in wanted]  # noqa: B023  as above
    found += [_refusal(f"{kind}.{name}", lambda: add(name)) for name in wanted if name not in there]  # noqa: B023  as above
    return [answer for answer in found if answer is not None]


def _refusal(field: str, change: Callable[[], None]) -> FieldAnswer | None:
    try:
        change()
    except (Refused, Conflict, NotFound) as error:
        return FieldAnswer(field, "refused", error.message)
    return None
