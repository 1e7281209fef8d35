from __future__ import annotations

from dataclasses import replace

import pytest

from common.wire import Allocation, Capacity, GuestState
from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Guest
from provisioner.reconcile import Situation, Target, decide, target_of
from provisioner.verbs import Action, Adapt, End, Lose, Prepare, Refuse, Start, Stop, Sweep
from tests.provisioner.factories import CAPACITY, SPEC, allocation, contract

BEFORE, WITHIN, AFTER = 9, 12, 20
OFF = Guest(contract(), 1, False)
UP = Guest(contract(), 1, True, "a:1")


def _decide(
    record: GuestRecord | None, guest: Guest | None, minute: int, *, synced: bool = True, capacity: Capacity = CAPACITY
) -> list[Action]:
    records = {} if record is None else {record.contract: record}
    return decide(records, () if guest is None else (guest,), Situation(minute, capacity, synced))


def _record(state: GuestState, instance: str = "", wanted: Allocation | None = None) -> GuestRecord:
    return GuestRecord(wanted or allocation(), 10, state, instance, applied=1)


@pytest.mark.parametrize(
    ("minute", "want", "target"),
    [
        (9, "run", Target.DEFINED),
        (10, "run", Target.UP),
        (19, "run", Target.UP),
        (20, "run", Target.GONE),
        (9, "gone", Target.GONE),
        (12, "gone", Target.GONE),
        (9, "stopped", Target.DEFINED),
        (10, "stopped", Target.OFF),
        (10, "paused", Target.PAUSED),
        (20, "paused", Target.GONE),
    ],
)
def test_the_window_is_half_open_and_gone_is_gone_at_any_time(minute: int, want: str, target: Target) -> None:
    assert target_of(replace(allocation(10, 20), want=want), minute) is target  # type: ignore[arg-type]  # a Want


@pytest.mark.parametrize(
    ("state", "instance", "guest", "minute", "verb"),
    [
        ("accepted", "", None, BEFORE, Prepare),
        ("accepted", "", OFF, BEFORE, Prepare),
        ("preparing", "", None, BEFORE, Prepare),
        ("preparing", "", OFF, BEFORE, None),
        ("preparing", "", UP, BEFORE, Stop),
        ("accepted", "", None, WITHIN, Start),
        ("accepted", "", UP, WITHIN, Start),
        ("preparing", "", OFF, WITHIN, Start),
        ("starting", "", OFF, WITHIN, Start),
        ("ready", "a:1", UP, WITHIN, None),
        ("ready", "a:0", UP, WITHIN, Lose),
        ("ready", "a:1", OFF, WITHIN, Lose),
        ("ready", "a:1", None, WITHIN, Lose),
        ("crashed", "a:1", OFF, WITHIN, Start),
        ("stopped", "a:1", OFF, WITHIN, Start),
        ("failed", "", None, WITHIN, None),
        ("ready", "a:1", UP, AFTER, End),
        ("accepted", "", None, AFTER, End),
        ("failed", "", OFF, AFTER, End),
        ("removed", "a:1", None, AFTER, None),
        ("removed", "a:1", UP, WITHIN, Sweep),
    ],
)
def test_the_next_action_follows_from_state_guest_and_minute(
    state: GuestState, instance: str, guest: Guest | None, minute: int, verb: type[Action] | None
) -> None:
    actions = _decide(_record(state, instance), guest, minute)
    assert [type(action) for action in actions] == ([] if verb is None else [verb])


def test_a_domain_of_an_older_revision_is_defined_anew_while_it_is_off() -> None:
    newer = allocation(revision=2)
    assert _decide(_record("preparing", wanted=newer), OFF, BEFORE) == [Prepare(_record("preparing", wanted=newer))]
    assert _decide(_record("ready", "a:1", newer), UP, WITHIN) == [Adapt(_record("ready", "a:1", newer))]


@pytest.mark.parametrize("resource", ["vcpus", "memory_mib", "disk_gib"])
def test_a_guest_larger_than_the_node_is_refused_with_the_reason(resource: str) -> None:
    large = allocation(spec=replace(SPEC, **{resource: getattr(CAPACITY, resource) + 1}))
    [action] = _decide(_record("accepted", wanted=large), None, BEFORE)
    assert isinstance(action, Refuse)
    assert resource in action.reason
    exact = allocation(spec=replace(SPEC, **{resource: getattr(CAPACITY, resource)}))
    assert isinstance(_decide(_record("accepted", wanted=exact), None, BEFORE)[0], Prepare)


def test_orphans_are_left_alone_until_a_full_sync_has_succeeded() -> None:
    assert _decide(None, UP, WITHIN, synced=False) == []
    assert _decide(None, UP, WITHIN, synced=True) == [Sweep(UP, report=True)]


def test_what_ends_comes_before_what_begins() -> None:
    ends, begins = allocation(0, 12, number=2), allocation(12, 20, number=1)
    records = {contract(1): GuestRecord(begins, 12), contract(2): GuestRecord(ends, 0, "ready", "a:1")}
    actions = decide(records, (Guest(contract(2), 1, True, "a:1"),), Situation(12, CAPACITY, True))
    assert [type(action) for action in actions] == [End, Start]
