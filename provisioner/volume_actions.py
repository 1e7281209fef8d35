"""Carrying out what was decided about volumes, as `provisioner.actions` does for guests: in the hypervisor's thread,
and so that each action may be repeated after a crash at any point.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from common import fault_points
from common.errors import NestexError, NotFound, Refused
from common.wire import FieldAnswer, GuestState
from provisioner.guest import VOLUME, GuestRecord
from provisioner.hypervisor.port import Hypervisor, contract_of_volume
from provisioner.steps import Step
from provisioner.verbs import Discard, Fit, OfVolume, Provide, Withdraw

_TO_READY: dict[GuestState, tuple[GuestState, ...]] = {
    "accepted": ("preparing", "starting", "running", "ready"),
    "preparing": ("starting", "running", "ready"),
    "starting": ("running", "ready"),
}
"""The steps from a state to `ready`; from any other there is one."""

LAST_SECONDS = 3.0
"""So long a guest whose contract is over may take to let go of a volume."""

_DOWN: frozenset[GuestState] = frozenset({"accepted", "preparing", "failed", "stopping"})
"""States that `removed` follows at once; from any other, after `stopping`."""


def steps_of_volume(action: OfVolume, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    """Do it. Raises what the driver does."""
    match action:
        case Provide(record):
            return _provide(record, driver, now_ms)
        case Fit():
            return (_fit(action, driver, now_ms),)
        case Withdraw():
            return _withdraw(action, driver, now_ms)
        case Discard(volume):
            driver.volume_withdraw(volume.name)
            return ()


def let_go(driver: Hypervisor, guest: str) -> None:
    """Take from a guest that is to end the volumes that outlive it, so that all it wrote is in them. A guest that does
    not let go, or a block pool that is away, holds up no end."""
    with suppress(NestexError):
        for volume in driver.volumes():
            if volume.guest == guest and contract_of_volume(volume.name) != guest:
                driver.volume_detach(guest, volume.name, LAST_SECONDS)


def size_of(record: GuestRecord) -> int:
    """How large the volume's file is to be, GiB: one that is set aside holds nothing."""
    return 0 if record.allocation.extras.set_aside else record.allocation.guest.disk_gib


def _provide(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    begun_ms, spec, size = now_ms(), record.allocation.guest, size_of(record)
    driver.volume_create(record.contract, size, spec.filesystem if size else "")
    fault_points.reach("volume.created")
    there_ms = now_ms()
    return tuple(
        _step(record, state, there_ms if state in ("running", "ready") else begun_ms)
        for state in _TO_READY.get(record.state, ("ready",))
    )


def _fit(action: Fit, driver: Hypervisor, now_ms: Callable[[], int]) -> Step:
    """First off the guest that has it, last to the one that is to have it: between them it is free."""
    record, volume, answers = action.record, action.volume, list[FieldAnswer]()
    if volume.guest not in ("", action.guest):
        with suppress(NotFound):  # then the guest is gone, and has let go of it
            driver.volume_detach(volume.guest, volume.name)
    size = size_of(record)
    if (size == 0) != (volume.size_gib == 0):
        driver.volume_replace(volume.name, size, record.allocation.guest.filesystem if size else "")
    elif size != volume.size_gib:
        answers.append(_sized("disk_gib", lambda: driver.volume_resize(volume.name, size)))
    if action.guest and volume.guest != action.guest:
        attached = _sized(
            "attached_to", lambda: driver.volume_attach(action.guest, volume.name, record.allocation.guest.name)
        )
        answers.append(attached)
    fault_points.reach("volume.fitted")
    return _step(record, "ready", now_ms(), record.allocation.revision, tuple(answers))


def _sized(field: str, change: Callable[[], None]) -> FieldAnswer:
    try:
        change()
    except Refused as refusal:
        return FieldAnswer(field, "refused", refusal.message)
    return FieldAnswer(field, "live")


def _withdraw(action: Withdraw, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    record = action.record
    for name in action.drops:
        with suppress(NotFound, Refused):
            driver.drop_snapshot(action.guest, name)
    ended_ms = now_ms()
    driver.volume_withdraw(record.contract)
    fault_points.reach("volume.removed")
    states: tuple[GuestState, ...] = ("removed",) if record.state in _DOWN else ("stopping", "removed")
    return tuple(_step(record, state, ended_ms) for state in states)


def _step(
    record: GuestRecord, state: GuestState, at_ms: int, applied: int = 0, answers: tuple[FieldAnswer, ...] = ()
) -> Step:
    instance = VOLUME if state in ("running", "ready") else ""
    return Step(
        record.contract,
        record.allocation.revision,
        state,
        at_ms,
        instance=instance,
        applied=applied,
        answers=answers,
    )
