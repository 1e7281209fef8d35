"""Carrying an action out on the hypervisor, and telling by which steps the guest went.

Everything here runs in the hypervisor's thread. Each action may be repeated after a crash at any point: what is done
already is found done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common import fault_points
from common.errors import NestexError, Refused, Unavailable
from common.wire import Allocation, GuestState
from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Guest, Hypervisor
from provisioner.reconcile import Action, End, Lose, Prepare, Refuse, Start, Stop, Sweep
from provisioner.steps import Step

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
    except Unavailable as failure:
        return Outcome(action, failure=failure)
    except Refused as refusal:
        assert not isinstance(action, Sweep), "only guests that are wanted can be refused"
        return Outcome(action, (_step(action.record, "failed", now_ms(), refusal.message),))


def contract_of(action: Action) -> str:
    """The contract that it is about."""
    return action.guest.contract if isinstance(action, Sweep) else action.record.contract


def _steps(action: Action, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    match action:
        case Prepare(record):
            return _prepare(record, driver, now_ms)
        case Start(record):
            return _start(record, driver, now_ms)
        case Stop(record):
            driver.stop(record.contract)
            return _steps_to(record, TO_STOPPED.get(record.state, ("stopping", "stopped")), now_ms())
        case End(record):
            return _end(record, driver, now_ms)
        case Lose(record):
            return (_step(record, "crashed", now_ms(), "the guest went down by itself"),)
        case Refuse(record, reason):
            return (_step(record, "failed", now_ms(), reason),)
        case Sweep(guest, report):
            driver.stop(guest.contract)
            driver.remove(guest.contract)
            return (Step(guest.contract, guest.revision, "removed", now_ms()),) if report else ()


def _prepare(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    allocation = record.allocation
    begun_ms = now_ms()
    driver.ensure(allocation.contract, allocation.revision, allocation.guest, run=False)
    fault_points.reach("guest.defined")
    return _steps_to(record, ("preparing",), begun_ms) if record.state in ("accepted", "crashed") else ()


def _start(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
    """A guest that boots is `running`, and `ready` when it was seen to be; where nothing boots, it is so at once."""
    allocation = record.allocation
    begun_ms = now_ms()
    guest = driver.ensure(allocation.contract, allocation.revision, allocation.guest, run=True)
    fault_points.reach("guest.started")
    if not guest.up:
        raise Unavailable("hypervisor_failed", f"the guest of {guest.contract} was started and is not up")
    up_ms = now_ms()
    up: list[GuestState] = [] if record.state == "running" else ["running"]
    if not guest.booting:
        up.append("ready")
    return (
        *_steps_to(record, TO_STARTING.get(record.state, ()), begun_ms),
        *(_up_step(allocation, guest, state, up_ms) for state in up),
    )


def _up_step(allocation: Allocation, guest: Guest, state: GuestState, at_ms: int) -> Step:
    return Step(
        allocation.contract,
        allocation.revision,
        state,
        at_ms,
        instance=guest.instance,
        endpoints=guest.endpoints,
    )


def _end(record: GuestRecord, driver: Hypervisor, now_ms: Callable[[], int]) -> tuple[Step, ...]:
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
