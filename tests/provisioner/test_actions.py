from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from common.errors import Refused, Unavailable
from common.guest_states import GUEST_STATES
from common.wire import GuestState
from provisioner.actions import TO_STARTING, TO_STOPPED, Outcome, carry_out, contract_of
from provisioner.guest import GuestRecord
from provisioner.hypervisor.fake import FakeDriver
from provisioner.hypervisor.port import Guest
from provisioner.verbs import Action, End, Lose, Prepare, Refuse, Start, Stop, Sweep
from tests.provisioner.factories import allocation, contract

BEGINNING = ("accepted", "preparing", "starting", "running", "stopping", "stopped", "crashed")


def _record(state: GuestState) -> GuestRecord:
    return GuestRecord(allocation(), 10, state, applied=1)


def _carry_out(action: Action, driver: FakeDriver | None = None) -> Outcome:
    return carry_out(action, driver or FakeDriver(), lambda: 5)


def _path(outcome: Outcome) -> list[GuestState]:
    return [step.state for step in outcome.steps]


@pytest.mark.parametrize("state", BEGINNING)
@pytest.mark.parametrize("verb", [Start, End, Stop])
def test_every_path_follows_the_table(state: GuestState, verb: type[Start] | type[End] | type[Stop]) -> None:
    path = [state, *_path(_carry_out(verb(_record(state))))]
    assert path[-1] == {Start: "ready", End: "removed", Stop: "stopped"}[verb]
    assert all(GUEST_STATES.allows(old, new) for old, new in pairwise(path))


def test_paths_are_written_in_states_that_exist() -> None:
    known = set(get_args(GuestState))
    for table in (TO_STARTING, TO_STOPPED):
        assert table.keys() | {state for path in table.values() for state in path} <= known


def test_a_guest_that_was_started_is_ready_as_the_instance_that_runs() -> None:
    driver = FakeDriver()
    outcome = _carry_out(Start(_record("preparing")), driver)
    assert _path(outcome) == ["starting", "running", "ready"]
    assert outcome.steps[-1].instance == driver.guests()[0].instance


def test_preparing_again_is_no_step() -> None:
    assert _path(_carry_out(Prepare(_record("accepted")))) == ["preparing"]
    assert _path(_carry_out(Prepare(_record("preparing")))) == []


def test_a_passing_failure_is_to_be_tried_again_and_takes_no_step() -> None:
    for verb, method in ((Start, "ensure"), (Prepare, "ensure"), (Stop, "stop"), (End, "stop"), (End, "remove")):
        driver = FakeDriver()
        failure = Unavailable("hypervisor_failed", "injected")
        driver.failures[method] = [failure]
        action = verb(_record("ready"))
        assert _carry_out(action, driver) == Outcome(action, (), failure)


def test_a_refusal_is_final_and_tells_why() -> None:
    driver = FakeDriver()
    driver.failures["ensure"] = [Refused("insufficient_capacity", "too large")]
    [step] = _carry_out(Start(_record("accepted")), driver).steps
    assert (step.state, step.reason) == ("failed", "too large")
    [step] = _carry_out(Refuse(_record("accepted"), "no room")).steps
    assert (step.state, step.reason) == ("failed", "no room")


def test_a_lost_guest_is_crashed() -> None:
    assert _path(_carry_out(Lose(_record("ready")))) == ["crashed"]


@pytest.mark.parametrize("report", [True, False])
def test_a_swept_domain_is_gone_and_reported_where_nothing_else_tells_it(report: bool) -> None:
    driver = FakeDriver()
    _carry_out(Start(_record("accepted")), driver)
    sweep = Sweep(Guest(contract(), 3, True, "fake:1"), report)
    assert contract_of(sweep) == contract()
    assert _path(_carry_out(sweep, driver)) == (["removed"] if report else [])
    assert driver.guests() == ()
