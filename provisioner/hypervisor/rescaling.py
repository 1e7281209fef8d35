"""What can be changed of a guest, and when: the decision for each field. Pure; the drivers carry it out.

A vCPU that is taken from a running guest takes the guest with it, so that fewer of them are given at the next start,
and less CPU time at once. Memory moves under the size that the guest was started with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from common.wire import FieldAnswer, GuestSpec
from provisioner.hypervisor.port import Ability, Capabilities

_ABILITY: dict[str, tuple[Ability, str]] = {
    "cpu_shares": ("cpu_limits", "the hypervisor cannot weigh CPU time"),
    "cpu_percent": ("cpu_limits", "the hypervisor cannot limit CPU time"),
    "disk_gib": ("disks", "the hypervisor's guests have no disks"),
}


@dataclass(frozen=True, slots=True)
class Room:
    """How far a running guest can grow before it has to be restarted."""

    vcpus: int
    memory_mib: int


def answers(
    now: GuestSpec, wanted: GuestSpec, capabilities: Capabilities, room: Room | None
) -> tuple[FieldAnswer, ...]:
    """An answer for each field in which both differ. `room` is that of a running guest, None where it is off."""
    changed = [field.name for field in fields(GuestSpec) if getattr(now, field.name) != getattr(wanted, field.name)]
    return tuple(_answer(name, now, wanted, capabilities, room) for name in changed)


def granted(now: GuestSpec, wanted: GuestSpec, given: Iterable[FieldAnswer]) -> GuestSpec:
    """What the guest is defined as afterwards: `wanted`, with the refused fields as they are."""
    kept = {answer.field: getattr(now, answer.field) for answer in given if answer.outcome == "refused"}
    return replace(wanted, **kept)


def _answer(name: str, now: GuestSpec, wanted: GuestSpec, capabilities: Capabilities, room: Room | None) -> FieldAnswer:
    if refusal := _refusal(name, now, wanted, capabilities):
        return FieldAnswer(name, "refused", refusal)
    if room is not None and (reason := _obstacle(name, now, wanted, capabilities, room)):
        return FieldAnswer(name, "restart", reason)
    return FieldAnswer(name, "live")


def _refusal(name: str, now: GuestSpec, wanted: GuestSpec, capabilities: Capabilities) -> str:
    if name == "image":
        return "a guest keeps the image that its disk was made from"
    if name == "vcpus" and wanted.vcpus > capabilities.guest_vcpus_max:
        return f"the hypervisor runs guests of {capabilities.guest_vcpus_max} vCPUs at most"
    if name in _ABILITY and _ABILITY[name][0] not in capabilities.abilities:
        return _ABILITY[name][1]
    if name == "disk_gib" and wanted.disk_gib < now.disk_gib:
        return f"a disk cannot shrink, and this one has {now.disk_gib} GiB"
    return ""


def _obstacle(name: str, now: GuestSpec, wanted: GuestSpec, capabilities: Capabilities, room: Room) -> str:
    match name:
        case "vcpus" if "vcpu_plug" not in capabilities.abilities:
            return "the hypervisor cannot change the vCPUs of a running guest"
        case "vcpus" if wanted.vcpus > room.vcpus:
            return f"this guest can grow to {room.vcpus} vCPUs while it runs"
        case "vcpus" if wanted.vcpus < now.vcpus:
            return f"a running guest cannot lose vCPUs; it has the CPU time of {wanted.vcpus} from now on"
        case "memory_mib" if "balloon" not in capabilities.abilities:
            return "the hypervisor cannot change the memory of a running guest"
        case "memory_mib" if wanted.memory_mib > room.memory_mib:
            return f"this guest can grow to {room.memory_mib} MiB while it runs"
        case "name" | "ssh_keys" | "user_data" | "ports":
            return "the guest reads it when it starts"
    return ""
