"""The steps of a guest along the table of guest states.

A step is stored together with the status message that tells it, in one transaction, so that neither can be without the
other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from common import codec
from common.guest_states import GUEST_STATES
from common.wire import Endpoint, FieldAnswer, GuestState, GuestStatus
from provisioner.guest import OFF, GuestRecord, Obeyed, Uptime
from provisioner.hypervisor.port import Counters
from provisioner.store import Store

_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Step:
    """The guest of a contract reached a state at an instant, or is in it still and has changed otherwise.

    `instance` is set for `running` and `ready`, and with it the endpoints, if there are any. `applied` is set where the
    guest was changed to a revision, with its `answers`; `obeyed` where it did what it was asked for again.
    """

    contract: str
    revision: int
    state: GuestState
    at_ms: int
    reason: str = ""
    instance: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    applied: int = 0
    answers: tuple[FieldAnswer, ...] = ()
    halted: bool = False
    obeyed: Obeyed | None = None


def take_steps(store: Store, steps: Iterable[Step]) -> None:
    """Store the steps and their status messages. Raises Conflict (`state_forbids`) where the table has no such step."""
    with store.transaction():
        for step in steps:
            record = store.guest(step.contract)
            if record is not None and record.state != step.state:
                GUEST_STATES.check(record.state, step.state)
                _begin_uptime(store, record.state, step)
            if record is not None:
                store.put_guest(_after(record, step))
            store.add_status(step.contract, codec.encode(_status(store.node, step)))


def told(store: Store) -> dict[str, int]:
    """The instant of the newest status of each contract whose guest is not gone, where none waits to be published."""
    waiting = {codec.decode(GuestStatus, payload).contract for _, payload in store.statuses(_ALL)}
    guests, newest = store.guests(), store.newest_statuses()
    return {
        contract: codec.decode(GuestStatus, payload).at_ms
        for contract, payload in newest.items()
        if contract in guests and guests[contract].closed_ms is None and contract not in waiting
    }


def tell_again(store: Store, contracts: Iterable[str]) -> None:
    """Publish the newest status of these contracts once more."""
    with store.transaction():
        newest = store.newest_statuses()
        for contract in contracts:
            if contract in newest:
                store.add_status(contract, newest[contract])


def _begin_uptime(store: Store, before: GuestState, step: Step) -> None:
    """A guest that is ready again after a pause or a change goes on with its uptime."""
    if step.state == "stopped" or (step.state == "ready" and before not in ("paused", "rescaling")):
        instance = OFF if step.state == "stopped" else step.instance
        store.open_uptime(step.contract, Uptime(instance, step.at_ms, step.at_ms))


def _after(record: GuestRecord, step: Step) -> GuestRecord:
    record = replace(record, state=step.state, halted=step.halted or (record.halted and step.state == record.state))
    if step.applied > record.applied:
        record = replace(record, applied=step.applied, answers=step.answers)
    if step.obeyed is not None:
        record = replace(record, obeyed=step.obeyed)
    if step.instance and step.instance != record.instance:
        return replace(record, instance=step.instance, epoch=step.at_ms, counters=Counters())
    if step.state == "removed":
        return replace(record, closed_ms=step.at_ms)
    return record


def _status(node: str, step: Step) -> GuestStatus:
    return GuestStatus(
        node=node,
        contract=step.contract,
        revision=step.revision,
        state=step.state,
        at_ms=step.at_ms,
        reason=step.reason,
        endpoints=step.endpoints,
        applied=step.applied,
        answers=step.answers,
    )
