"""When a failed action may be tried again: after a delay in real time that doubles with every failure."""

from __future__ import annotations

from common.clock import RealClock
from provisioner.actions import contract_of
from provisioner.verbs import Action

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


class Retries:
    """Failures by contract and kind of action, so that a guest that cannot start can still be ended on time."""

    def __init__(self, real: RealClock) -> None:
        self._real = real
        self._failures: dict[tuple[str, type[Action]], tuple[int, float]] = {}

    def due(self, actions: list[Action]) -> list[Action]:
        """Those whose time has come. Failures of actions that are not wanted any more are forgotten."""
        wanted = {_key(action) for action in actions}
        self._failures = {key: failure for key, failure in self._failures.items() if key in wanted}
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

    def seconds_until_next(self) -> float:
        """Real seconds until the next one is due; infinite when there is none, not negative."""
        now = self._real.monotonic()
        return min((max(0.0, due - now) for _count, due in self._failures.values()), default=float("inf"))


def _key(action: Action) -> tuple[str, type[Action]]:
    return contract_of(action), type(action)
