"""The decision about volumes that are contracts of their own: made for their window, attached to a guest of this node
as long as both contracts last, and deleted at their end. Pure, as `provisioner.reconcile`, of which it is a part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from common.wire import Allocation
from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Guest, Volume, contract_of_volume
from provisioner.snapshot_room import aside_gib, without_room
from provisioner.verbs import Action, Discard, Fit, Provide, Refuse, Withdraw

LOST = "the volume is not in the block pool any more: what was written to it is lost"


@dataclass(frozen=True, slots=True)
class Storage:
    """What there is: all records, the domains of guests, the volumes by name, or None while the block pool is away.
    `minute` is the running one."""

    minute: int
    records: Mapping[str, GuestRecord]
    guests: Collection[str]
    volumes: Mapping[str, Volume] | None


def next_of_volume(record: GuestRecord, storage: Storage) -> Action | None:
    """The next action for the contract of a volume."""
    if record.state == "removed":
        return None
    if _is_over(record.allocation, storage.minute):
        return _withdraw(record, storage)
    if record.state == "failed" or storage.volumes is None or storage.minute < record.allocation.start:
        return None
    if record.state != "ready":
        return Provide(record)
    volume = storage.volumes.get(record.contract)
    if volume is None:
        return Refuse(record, LOST)
    guest = _holder(record, storage)
    if guest is None:
        return None  # it is to come
    return None if record.is_adapted and _is_in_place(record, volume, guest) else Fit(record, volume, guest)


def is_volume_settled(record: GuestRecord, minute: int) -> bool:
    """Whether the volume is as its desired state wants it; before its window there is none."""
    if record.state in ("removed", "failed") or minute < record.allocation.start:
        return True
    return record.state == "ready" and record.is_adapted and not _is_over(record.allocation, minute)


def orphans(storage: Storage, guests: Iterable[Guest]) -> list[Action]:
    """Volumes of contracts that are over, or of which this agent knows nothing, where there is no guest of them."""
    known = {contract for contract, record in storage.records.items() if record.state != "removed"}
    known |= {guest.contract for guest in guests}
    volumes = (storage.volumes or {}).values()
    return [Discard(volume) for volume in volumes if contract_of_volume(volume.name) not in known]


def _withdraw(record: GuestRecord, storage: Storage) -> Withdraw:
    extras = record.allocation.extras
    guest = storage.records.get(extras.attached_to)
    if guest is None or not extras.set_aside or not _is_live(guest, storage.minute):
        return Withdraw(record)
    left = aside_gib(guest.contract, storage.records, storage.minute, but=record.contract)
    return Withdraw(record, guest.contract, without_room(guest.allocation, left))


def _holder(record: GuestRecord, storage: Storage) -> str | None:
    """The guest that is to have the volume: "" for none, None for one that is not there yet."""
    extras = record.allocation.extras
    if extras.set_aside or not extras.attached_to:
        return ""
    guest = storage.records.get(extras.attached_to)
    if guest is None:
        return "" if record.is_adapted else None  # its own allocation may still come, or was forgotten long ago
    if not _is_live(guest, storage.minute):
        return ""
    return guest.contract if guest.contract in storage.guests else None


def _is_in_place(record: GuestRecord, volume: Volume, guest: str) -> bool:
    """Also where the hypervisor has refused to attach it: it was answered so."""
    refused = any(answer.field == "attached_to" and answer.outcome == "refused" for answer in record.answers)
    return volume.guest == guest or (refused and not volume.guest)


def _is_live(guest: GuestRecord, minute: int) -> bool:
    return guest.state not in ("removed", "failed") and not _is_over(guest.allocation, minute)


def _is_over(allocation: Allocation, minute: int) -> bool:
    return allocation.want == "gone" or minute >= allocation.end
