"""The steps of a guest along the table of guest states.

A step is stored together with the status message that tells it, in one transaction, so that neither can be without the
other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from common import codec
from common.guest_states import GUEST_STATES
from common.wire import Endpoint, GuestState, GuestStatus
from provisioner.guest import GuestRecord, Uptime
from provisioner.hypervisor.port import Counters
from provisioner.store import Store


@dataclass(frozen=True, slots=True)
class Step:
    """The guest of a contract reached a state at an instant; `instance` is set for `running` and `ready`, and with it
    the endpoints, if there are any."""

    contract: str
    revision: int
    state: GuestState
    at_ms: int
    reason: str = ""
    instance: str = ""
    endpoints: tuple[Endpoint, ...] = ()


def take_steps(store: Store, steps: Iterable[Step]) -> None:
    """Store the steps and their status messages. Raises Conflict (`state_forbids`) where the table has no such step."""
    with store.transaction():
        for step in steps:
            record = store.guest(step.contract)
            if record is not None:
                GUEST_STATES.check(record.state, step.state)
                store.put_guest(_after(record, step))
            if step.state == "ready":
                store.open_uptime(step.contract, Uptime(step.instance, step.at_ms, step.at_ms))
            store.add_status(codec.encode(_status(store.node, step)))


def _after(record: GuestRecord, step: Step) -> GuestRecord:
    record = replace(record, state=step.state)
    if step.instance and step.instance != record.instance:
        return replace(record, instance=step.instance, epoch=step.at_ms, counters=Counters())
    if step.state == "removed":
        return replace(record, closed_ms=step.at_ms)
    return record


def _status(node: str, step: Step) -> GuestStatus:
    return GuestStatus(node, step.contract, step.revision, step.state, step.at_ms, step.reason, step.endpoints)
