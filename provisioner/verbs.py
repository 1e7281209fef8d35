"""What an agent can do for one contract: decided in `provisioner.reconcile`, carried out in `provisioner.actions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Guest, Volume


@dataclass(frozen=True, slots=True)
class Prepare:
    """Define the domain ahead of the window."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Adapt:
    """Give a guest that is where it should be what a newer revision says: its size, devices and snapshots, for which
    its buyer has set aside so much of other storage."""

    record: GuestRecord
    aside_gib: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """Bring the guest up, or take over one that is up."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Restart:
    """Take the guest down, if it still is up, and bring it up again."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the guest to power itself off: to be stopped, or to be started again if `again`."""

    record: GuestRecord
    again: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Let the guest stand still."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Resume:
    """Let it go on."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Lose:
    """The instance that was ready is up no more: write that down."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Halt:
    """The guest went off in order and from within: it stays so until its buyer starts it."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Stop:
    """Take the guest down and keep its domain: it is wanted off, or up outside its window."""

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


@dataclass(frozen=True, slots=True)
class Provide:
    """Make the volume, or take over one that is there."""

    record: GuestRecord


@dataclass(frozen=True, slots=True)
class Fit:
    """Give a volume that is there its size and its place: attached to `guest`, a contract, or to none.

    `volume` is as it was seen."""

    record: GuestRecord
    volume: Volume
    guest: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Delete the volume, with what was written to it. `drops` are snapshots of `guest` that have no room without it."""

    record: GuestRecord
    guest: str = ""
    drops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discard:
    """Delete a volume of ours that nobody wants."""

    volume: Volume


OfGuest: TypeAlias = (
    Prepare | Adapt | Start | Restart | Ask | Pause | Resume | Lose | Halt | Stop | End | Refuse | Sweep
)
OfVolume: TypeAlias = Provide | Fit | Withdraw | Discard
Action: TypeAlias = OfGuest | OfVolume
