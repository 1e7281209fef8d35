"""The decision: from what is desired and what there is, the next action for each contract. Pure.

`provisioner.actions` carries the actions out; deciding again afterwards, until nothing is left to do, makes both agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from common.wire import Allocation, Capacity, GuestSpec
from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Guest


@dataclass(frozen=True, slots=True)
class Prepare:
    """Define the domain ahead of the window."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Start:
    """Bring the guest up, or take over one that is up."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Lose:
    """The instance that was ready is up no more: write that down."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Stop:
    """Take the guest down and keep its domain: it is up outside its window."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class End:
    """Take the guest down and forget its domain: its window is over, or it is not wanted any more."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Refuse:
    """This node can never run the guest."""

    record: GuestRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """Remove a domain of ours that nobody wants. It is reported if no record of its contract tells that already."""

    guest: Guest
    report: bool


Action: TypeAlias = Prepare | Start | Lose | Stop | End | Refuse | Sweep


@dataclass(frozen=True, slots=True)
class Situation:
    """What else the decision depends on: the running minute, the node, and whether a full sync has succeeded."""

    minute: int
    capacity: Capacity
    synced: bool


class Target(Enum):
    """Where a contract's guest should be."""

    DEFINED = auto()
    UP = auto()
    GONE = auto()


def target_of(allocation: Allocation, minute: int) -> Target:
    """What the desired state means in a minute: no market is needed to end a contract on time."""
    if allocation.want == "gone" or minute >= allocation.end:
        return Target.GONE
    return Target.UP if minute >= allocation.start else Target.DEFINED


def decide(records: Mapping[str, GuestRecord], guests: Iterable[Guest], situation: Situation) -> list[Action]:
    """One action at most for each contract; none when desired and actual agree. Ends come first: they make room."""
    seen = {guest.contract: guest for guest in guests}
    actions = [_next(record, seen.get(contract), situation) for contract, record in records.items()]
    orphans = [Sweep(guest, report=True) for contract, guest in seen.items() if contract not in records]
    if situation.synced:
        actions += orphans  # a lost local file must not kill paid guests
    return sorted((action for action in actions if action is not None), key=lambda action: not _frees(action))


def _next(record: GuestRecord, guest: Guest | None, situation: Situation) -> Action | None:
    if record.state == "removed":
        return None if guest is None else Sweep(guest, report=False)
    target = target_of(record.allocation, situation.minute)
    if target is Target.GONE:
        return End(record)
    if record.state == "failed":
        return None
    if lacking := _lacking(record.allocation.guest, situation.capacity):
        return Refuse(record, lacking)
    if record.state in ("running", "ready") and not _is_same(record, guest):
        return Lose(record)
    return _ahead(record, guest) if target is Target.DEFINED else _within(record, guest)


def _ahead(record: GuestRecord, guest: Guest | None) -> Action | None:
    if guest is not None and guest.up:
        return Stop(record)
    outdated = guest is None or guest.revision != record.allocation.revision
    return Prepare(record) if outdated or record.state in ("accepted", "crashed") else None


def _within(record: GuestRecord, guest: Guest | None) -> Action | None:
    waiting = record.state == "running" and guest is not None and guest.booting
    return None if waiting or record.state == "ready" else Start(record)


def _is_same(record: GuestRecord, guest: Guest | None) -> bool:
    return guest is not None and guest.up and guest.instance == record.instance


def _lacking(spec: GuestSpec, capacity: Capacity) -> str:
    for resource in ("vcpus", "memory_mib", "disk_gib"):
        wanted, there = getattr(spec, resource), getattr(capacity, resource)
        if wanted > there:
            return f"the guest wants {resource} {wanted}, the node has {there}"
    return ""


def _frees(action: Action) -> bool:
    return isinstance(action, (End, Stop, Sweep))
