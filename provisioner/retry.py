"""When a failed action may be tried again: after a delay in real time that doubles with every failure.

A guest for which there is no memory is tried some times only: its buyer finds another, rather than that both wait for
the end.
"""

from __future__ import annotations

from collections.abc import Callable

from common.clock import RealClock
from provisioner.actions import Outcome, contract_of, give_up
from provisioner.verbs import Action, Restart, Start

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
TRIES_WITHOUT_MEMORY = 4
"""Over 3.5 seconds: guests that were to end at the same minute have gone by then, and what they had is free."""


class Retries:
    """Failures by contract and kind of action, so that a guest that cannot start can still be ended on time."""

    def __init__(self, real: RealClock) -> None:
        self._real = real
        self._failures: dict[tuple[str, type[Action]], tuple[int, float]] = {}
        self._starved: dict[tuple[str, type[Action]], int] = {}

    def due(self, actions: list[Action]) -> list[Action]:
        """Those whose time has come. Failures of actions that are not wanted any more are forgotten."""
        wanted = {_key(action) for action in actions}
        self._failures = {key: failure for key, failure in self._failures.items() if key in wanted}
        self._starved = {key: count for key, count in self._starved.items() if key in wanted}
        now = self._real.monotonic()
        return [action for action in actions if self._failures.get(_key(action), (0, now))[1] <= now]

    def note(self, action: Action, *, failed: bool) -> None:
        """How it went. A success forgets what failed before."""
        if not failed:
            self._failures.pop(_key(action), None)
            return
        count, _due = self._failures.get(_key(action), (0, 0.0))
        delay = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(count, 10))
        self._failures[_key(action)] = (count + 1, self._real.monotonic() + delay)

    def judged(self, outcome: Outcome, now_ms: Callable[[], int]) -> Outcome:
        """The outcome, or that the guest has failed, where this was the last try. To be asked once for each."""
        action, failure = outcome.action, outcome.failure
        starved = self._starved.pop(_key(action), 0) + 1
        if failure is None or failure.code != "out_of_memory" or not isinstance(action, Start | Restart):
            return outcome
        if starved == TRIES_WITHOUT_MEMORY:
            return give_up(action, failure, now_ms)
        self._starved[_key(action)] = starved
        return outcome

    def seconds_until_next(self) -> float:
        """Real seconds until the next one is due; infinite when there is none, not negative."""
        now = self._real.monotonic()
        return min((max(0.0, due - now) for _count, due in self._failures.values()), default=float("inf"))


def _key(action: Action) -> tuple[str, type[Action]]:
    return contract_of(action), type(action)
