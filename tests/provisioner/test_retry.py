from __future__ import annotations

from provisioner.guest import GuestRecord
from provisioner.retry import FIRST_SECONDS, LONGEST_SECONDS, Retries
from provisioner.verbs import Action, End, Start
from tests.provisioner.factories import HandClock, allocation

RECORD = GuestRecord(allocation(), 10)
START, END = Start(RECORD), End(RECORD)


def test_the_delay_doubles_up_to_the_longest_and_a_success_forgets_it() -> None:
    real = HandClock()
    retries = Retries(real)
    delay = FIRST_SECONDS
    for _ in range(12):
        assert retries.due([START]) == [START]
        retries.note(START, failed=True)
        assert retries.seconds_until_next() == delay
        real.advance(delay - 0.001)
        assert retries.due([START]) == []
        real.advance(0.001)
        delay = min(2 * delay, LONGEST_SECONDS)
    retries.note(START, failed=False)
    retries.note(START, failed=True)
    assert retries.seconds_until_next() == FIRST_SECONDS


def test_a_failure_holds_up_only_its_own_kind_of_action() -> None:
    retries = Retries(HandClock())
    retries.note(START, failed=True)
    assert retries.due([START, END]) == [END]


def test_what_is_not_wanted_any_more_wakes_nobody() -> None:
    real = HandClock()
    retries = Retries(real)
    nothing: list[Action] = []
    assert retries.seconds_until_next() == float("inf")
    retries.note(START, failed=True)
    retries.due(nothing)
    assert retries.seconds_until_next() == float("inf")
