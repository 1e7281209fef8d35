"""Carrying an action out on the hypervisor, and telling by which steps the guest went.

Everything here runs in the hypervisor's thread. Each action may be repeated after a crash at any point: what is done
already is found done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from common import fault_points
from common.errors import Conflict, NestexError, NotFound, Refused, Unavailable
from common.wire import Allocation, FieldAnswer, GuestState
from provisioner.adapting import adapt, revert
from provisioner.guest import GuestRecord, Obeyed
from provisioner.hypervisor.port import Guest, Hypervisor, contract_of_volume
from provisioner.steps import Step
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
)
from provisioner.volume_actions import let_go, steps_of_volume

TO_STARTING: dict[GuestState, tuple[GuestState, ...]] = {
    "accepted": ("preparing", "starting"),
    "preparing": ("starting",),
    "stopping": ("stopped", "starting"),
    "stopped": ("starting",),
    "crashed": ("starting",),
}
"""The steps from a state to `starting`; from any other there are none."""

TO_STOPPED: dict[GuestState, tuple[GuestState, ...]] = {"stopping": ("stopped",), "stopped": ()}
"""The steps from a state to `stopped`; from any other, both."""

DOWN: frozenset[GuestState] = frozenset({"accepted", "preparing", "crashed", "failed", "stopping", "stopped"})
"""States that `removed` follows at once; from any other, after `stopping`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: the steps that were taken, and the failure after which it should be tried again."""

    action: Action
    steps: tuple[Step, ...] = ()
    failure: NestexError | None = None


def carry_out(action: Action, driver: Hypervisor, now_ms: Callable[[], int]) -> Outcome:
    """Do it. A passing failure of the hypervisor is in the outcome; a guest that it can never run goes to `failed`."""
    try:
        return Outcome(action, _steps(action, driver, now_ms))
    except (Unavailable, Conflict, NotFound) as failure:  # the latter two: it changed since it was looked at
        return Outcome(action, failure=failure)
    except Refused as refusal:
        assert not isinstance(action, Sweep | Discard), "only guests that are wanted can be refused"
        return Outcome(action, (_step(action.record, "failed", now_ms(), refusal.message),))


def give_up(action: Start | Restart, why: NestexError, now_ms: Callable[[], int]) -> Outcome:
    """The guest fails for what stood in its way too often."""
    return Outcome(action, (_step(action.record, "failed", now_ms(), why.message),))


def contract_of(action: Action) -> str:
    """The contract that it is about."""
    match action:
        case Sweep(guest):
            return guest.contract
        case Discard(volume):
            return contract_of_volume(volume.name)
        case _:
            return action.record.contract


def _steps(action: Action, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    match action:
        case Prepare(record):
            return _prepare(record, driver, now_ms)
        case Adapt(record, aside):
            return _adapt(record, aside, driver, now_ms)
        case Start(record):
            return _start(record, driver, now_ms)
        case Restart(record):
            driver.stop(record.contract)
            return _start(record, driver, now_ms)
        case Ask() | Pause() | Resume():
            return (_told(action, driver, now_ms),)
        case Stop(record):
            return _stop(record, driver, now_ms)
        case End(record):
            return _end(record, driver, now_ms)
        case Lose(record):
            return (_step(record, "crashed", now_ms(), "the guest went down by itself"),)
        case Halt(record):
            return (replace(_step(record, "stopped", now_ms(), "the guest powered itself off"), halted=True),)
        case Refuse(record, reason):
            return (_step(record, "failed", now_ms(), reason),)
        case Sweep(guest, report):
            driver.stop(guest.contract)
            driver.remove(guest.contract)
            return (Step(guest.contract, guest.revision, "removed", now_ms()),) if report else ()
        case _:
            return steps_of_volume(action, driver, now_ms)


def _prepare(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    allocation = record.allocation
    begun_ms = now_ms()
    guest = driver.ensure(allocation.contract, allocation.revision, allocation.guest, run=False)
    fault_points.reach("guest.defined")
    states: tuple[GuestState, ...] = ("preparing",) if record.state in ("accepted", "crashed") else ()
    if not states and not record.is_adapted and _is_whole(allocation, guest):
        states = (record.state,)
    return tuple(replace(_step(record, state, begun_ms), applied=_applied(allocation, guest)) for state in states)


def _adapt(record: GuestRecord, aside_gib: int, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    """A guest that is off is taken back to an older state of its disk too; one that is up is restarted for that."""
    answers, obeyed, extras = adapt(driver, record.allocation, aside_gib), record.obeyed, record.allocation.extras
    fault_points.reach("guest.adapted")
    if record.state == "stopped" and record.allocation.want == "stopped" and extras.reverts > obeyed.reverts:
        answers += revert(driver, record.allocation)
        obeyed = replace(obeyed, reverts=extras.reverts)
    at_ms, changed = now_ms(), any("." not in answer.field for answer in answers)
    step = replace(
        _step(record, record.state, at_ms), applied=record.allocation.revision, answers=answers, obeyed=obeyed
    )
    return (_step(record, "rescaling", at_ms), step) if changed and record.state == "ready" else (step,)


def _start(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    """A guest that boots is `running`, and `ready` when it was seen to be; where nothing boots, it is so at once."""
    allocation = record.allocation
    begun_ms = now_ms()
    refused = _taken_back(record, driver)
    guest = driver.ensure(allocation.contract, allocation.revision, allocation.guest, run=True)
    fault_points.reach("guest.started")
    if not guest.up:
        raise Unavailable("hypervisor_failed", f"the guest of {guest.contract} was started and is not up")
    up_ms = now_ms()
    up: list[GuestState] = [] if record.state == "running" else ["running"]
    if not guest.booting:
        up.append("ready")
    before: tuple[GuestState, ...] = ("restarting",) if record.state == "ready" else TO_STARTING.get(record.state, ())
    return (
        *_steps_to(record, before, begun_ms),
        *(_up_step(record, guest, state, up_ms, refused) for state in up),
    )


def _taken_back(record: GuestRecord, driver: Hypervisor) -> tuple[FieldAnswer, ...]:
    """Revert the disk before a start, if that is wanted. A guest that is up was started after it."""
    if record.allocation.extras.reverts <= record.obeyed.reverts:
        return ()
    up = any(guest.contract == record.contract and guest.instance for guest in driver.guests())
    return () if up else revert(driver, record.allocation)


def _up_step(
    record: GuestRecord, guest: Guest, state: GuestState, at_ms: int, refused: tuple[FieldAnswer, ...]
) -> Step:
    allocation, extras = record.allocation, record.allocation.extras
    return Step(
        allocation.contract,
        allocation.revision,
        state,
        at_ms,
        instance=guest.instance,
        endpoints=guest.endpoints,
        applied=_applied(allocation, guest),
        answers=refused,
        obeyed=Obeyed(extras.starts, extras.restarts, extras.reverts),
    )


def _applied(allocation: Allocation, guest: Guest) -> int:
    return allocation.revision if _is_whole(allocation, guest) else 0


def _is_whole(allocation: Allocation, guest: Guest) -> bool:
    """Whether a domain that was defined has all of its desired state; what is to be attached, is attached later."""
    return guest.revision == allocation.revision and not allocation.extras.attached


def _told(action: Ask | Pause | Resume, driver: Hypervisor, now_ms: Callable[[], int]) -> Step:
    record = action.record
    match action:
        case Ask():
            driver.resume(record.contract)  # else it could not hear it
            driver.shutdown(record.contract)
            return _step(record, "restarting" if action.again else "stopping", now_ms())
        case Pause():
            driver.pause(record.contract)
            return replace(_step(record, "paused", now_ms()), instance=record.instance)
        case Resume():
            driver.resume(record.contract)
            return replace(_step(record, "ready", now_ms()), instance=record.instance)


def _stop(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    allocation = record.allocation
    driver.stop(record.contract)
    guest = driver.ensure(allocation.contract, allocation.revision, allocation.guest, run=False)
    steps = _steps_to(record, TO_STOPPED.get(record.state, ("stopping", "stopped")), now_ms())
    return tuple(replace(step, applied=_applied(allocation, guest)) for step in steps)


def _end(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    let_go(driver, record.contract)
    driver.stop(record.contract)
    fault_points.reach("guest.stopped")
    stopped_ms = now_ms()
    driver.remove(record.contract)
    fault_points.reach("guest.removed")
    return _steps_to(record, ("removed",) if record.state in DOWN else ("stopping", "removed"), stopped_ms)


def _steps_to(record: GuestRecord, states: tuple[GuestState, ...], at_ms: int) -> tuple[Step, ...]:
    return tuple(_step(record, state, at_ms) for state in states)


def _step(record: GuestRecord, state: GuestState, at_ms: int, reason: str = "") -> Step:
    return Step(record.contract, record.allocation.revision, state, at_ms, reason)
