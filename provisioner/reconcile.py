"""The decision: from what is desired and what there is, the next action for each contract. Pure.

`provisioner.actions` carries the actions out; deciding again afterwards, until nothing is left to do, makes both agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from common.wire import Allocation, Capacity
from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Guest, Volume
from provisioner.reconcile_volumes import Storage, is_volume_settled, next_of_volume, orphans
from provisioner.snapshot_room import aside_gib
from provisioner.verbs import (
    Action,
    Adapt,
    Ask,
    Discard,
    End,
    Halt,
    Lose,
    Pause,
    Prepare,
    Refuse,
    Restart,
    Resume,
    Start,
    Stop,
    Sweep,
    Withdraw,
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What else the decision depends on: the running minute, the node, whether a full sync has succeeded, and which
    guests were asked to go off and have not in all the time that they get for it."""

    minute: int
    capacity: Capacity
    synced: bool
    overdue: frozenset[str] = frozenset()


class Target(Enum):
    """Where a contract's guest should be."""

    DEFINED = auto()
    UP = auto()
    PAUSED = auto()
    OFF = auto()
    GONE = auto()


def target_of(allocation: Allocation, minute: int) -> Target:
    """What the desired state means in a minute: no market is needed to end a contract on time."""
    if allocation.want == "gone" or minute >= allocation.end:
        return Target.GONE
    if minute < allocation.start:
        return Target.DEFINED
    return {"run": Target.UP, "paused": Target.PAUSED, "stopped": Target.OFF}[allocation.want]


def decide(
    records: Mapping[str, GuestRecord],
    guests: Iterable[Guest],
    situation: Situation,
    volumes: Iterable[Volume] | None = (),
) -> list[Action]:
    """One action at most for each contract; none when desired and actual agree. Ends come first: they make room.

    `volumes` are None while the block pool is away.
    """
    seen = {guest.contract: guest for guest in guests}
    named = None if volumes is None else {volume.name: volume for volume in volumes}
    storage = Storage(situation.minute, records, seen.keys(), named)
    actions = [_of_contract(record, seen.get(contract), situation, storage) for contract, record in records.items()]
    if situation.synced:  # a lost local file must not kill paid guests
        actions += [Sweep(guest, report=True) for contract, guest in seen.items() if contract not in records]
        actions += orphans(storage, seen.values())
    return sorted((action for action in actions if action is not None), key=lambda action: not frees(action))


def is_settled(record: GuestRecord, minute: int) -> bool:
    """Whether the guest is where its desired state wants it, and has been changed to all of it."""
    where: dict[Target, tuple[str, ...]] = {
        Target.UP: ("ready",),
        Target.PAUSED: ("paused",),
        Target.OFF: ("stopped",),
        Target.GONE: ("removed",),
    }
    if record.is_volume:
        return is_volume_settled(record, minute)
    target = target_of(record.allocation, minute)
    there = target is Target.DEFINED or record.state in where[target] or (target is Target.UP and record.rests)
    changed = target is Target.GONE or (record.is_adapted and not record.restart_wanted)
    return record.state == "failed" or (there and changed)


def frees(action: Action) -> bool:
    """Whether it ends a guest or a volume, which makes room and must never wait."""
    return isinstance(action, (End, Stop, Sweep, Withdraw, Discard))


def _of_contract(record: GuestRecord, guest: Guest | None, situation: Situation, storage: Storage) -> Action | None:
    lacking = _lacking(record, situation)
    if lacking:
        return Refuse(record, lacking)
    action = next_of_volume(record, storage) if record.is_volume else _next(record, guest, situation)
    if isinstance(action, Adapt):
        return replace(action, aside_gib=aside_gib(record.contract, storage.records, situation.minute))
    return action


def _next(record: GuestRecord, guest: Guest | None, situation: Situation) -> Action | None:
    if record.state == "removed":
        return None if guest is None else Sweep(guest, report=False)
    target = target_of(record.allocation, situation.minute)
    if target is Target.GONE:
        return End(record)
    if record.state == "failed":
        return None
    if record.state in ("stopping", "restarting") and _goes_down(record, guest, situation):
        return None
    if record.state in ("running", "ready", "paused") and not _is_same(record, guest, target):
        return _gone_down(record, guest)
    match target:
        case Target.DEFINED:
            return _ahead(record, guest)
        case Target.OFF:
            return _off(record, guest)
        case _:
            return _within(record, guest, target)


def _ahead(record: GuestRecord, guest: Guest | None) -> Action | None:
    if guest is not None and guest.instance:
        return Stop(record)
    outdated = guest is None or guest.revision != record.allocation.revision
    if outdated or record.state in ("accepted", "crashed"):
        return Prepare(record)
    return None if record.is_adapted else Adapt(record)


def _off(record: GuestRecord, guest: Guest | None) -> Action | None:
    if guest is not None and guest.instance and record.state not in ("stopping", "stopped"):
        return Ask(record, again=False)
    if guest is None or guest.instance or record.state != "stopped":
        return Stop(record)
    return None if record.is_adapted else Adapt(record)


def _within(record: GuestRecord, guest: Guest | None, target: Target) -> Action | None:
    if record.rests and guest is not None:
        return None if record.is_adapted else Adapt(record)
    match record.state:
        case "restarting" if guest is None or not guest.instance or guest.instance == record.instance:
            return Restart(record)
        case "ready" | "paused" if not record.is_adapted:
            return Adapt(record)
        case "ready" if record.restart_wanted:
            return Ask(record, again=True)
        case "ready":
            return Pause(record) if target is Target.PAUSED else None
        case "paused" if target is Target.PAUSED:  # one that runs was let go on by somebody else
            return Pause(record) if guest is not None and guest.up else None
        case "paused":
            return Resume(record)
        case "running" if guest is not None and guest.booting:
            return None
        case _:
            return Start(record)


def _is_same(record: GuestRecord, guest: Guest | None, target: Target) -> bool:
    """The instance that it was; paused only where that is wanted, or was."""
    if guest is None or guest.instance != record.instance:
        return False
    return guest.up or (guest.paused and (target is Target.PAUSED or record.state == "paused"))


def _gone_down(record: GuestRecord, guest: Guest | None) -> Action | None:
    if guest is None or not guest.halted or record.state == "running":
        return Lose(record)
    if guest.instance:
        return None  # it goes off, and an event will tell when it is
    return Restart(record) if record.restart_wanted else Halt(record)


def _goes_down(record: GuestRecord, guest: Guest | None, situation: Situation) -> bool:
    """Whether a guest that was asked to go off still has time for it."""
    still_there = guest is not None and bool(guest.instance) and guest.instance == record.instance
    return still_there and record.contract not in situation.overdue


def _lacking(record: GuestRecord, situation: Situation) -> str:
    """What the node can never give; nothing is lacking to what is over or has failed."""
    if record.state in ("removed", "failed") or target_of(record.allocation, situation.minute) is Target.GONE:
        return ""
    for resource in ("vcpus", "memory_mib", "disk_gib"):
        wanted, there = getattr(record.allocation.guest, resource), getattr(situation.capacity, resource)
        if wanted > there:
            return f"the {record.allocation.kind} wants {resource} {wanted}, the node has {there}"
    return ""
