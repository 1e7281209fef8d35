"""Fault points: named places on the path of an order, an allocation and a minute where a test may kill or stop the
process that has come there.

Nothing happens unless NESTEX_FAULT_FILE names a file, which no deployment sets. The file holds `point action`: the
first process that comes to the point takes the file away, so that it happens once, and does the action to itself.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

POINTS = {
    "engine.gathered": "the facts of a batch were read, nothing was applied",
    "engine.written": "everything of a batch was written, nothing was committed",
    "engine.committed": "a batch was committed, nobody was answered",
    "market.answered": "the engine has answered, the caller has not heard it",
    "relay.published": "JetStream has a message, the outbox does not know it",
    "relay.marked": "the outbox knows that a message is out",
    "statuses.handled": "statuses were committed, not acknowledged",
    "usage.recorded": "usage reports were committed, not acknowledged, and the agent has not heard it",
    "settlement.posted": "minutes were turned into postings, not committed",
    "completion.posted": "contracts that ended were completed, not committed",
    "period.posted": "a period's documents were issued, not committed",
    "timer.claimed": "a dead-man timer that has run out is claimed, nothing is canceled",
    "timer.canceled": "the orders of a dead-man timer are canceled, the timer is still there",
    "failure.found": "a contract's guest has failed, the engine has not heard of it",
    "failure.ended": "a failed contract was ended, the worker has not heard it",
    "reseller.noted": "a reseller's commands were noted, the engine has not heard of them",
    "reseller.answered": "the engine has carried a reseller's commands out, their note is still there",
    "agent.received": "the agent has an allocation in memory alone",
    "agent.stored": "an allocation was stored, not acknowledged",
    "agent.acknowledged": "an allocation was acknowledged, nothing was done",
    "guest.defined": "the domain of a guest was defined, not started",
    "guest.started": "a guest was started, nobody has noted it",
    "guest.adapted": "a guest was changed to a newer revision, nobody has noted it",
    "guest.stopped": "a guest was stopped, its domain is still there",
    "guest.removed": "the domain of a guest was removed, nobody has noted it",
    "volume.created": "a volume was made, nobody has noted it",
    "volume.fitted": "a volume was given its size and its guest, nobody has noted it",
    "volume.removed": "a volume was deleted, nobody has noted it",
    "agent.noted": "the steps of a guest were stored with their reports",
    "agent.metered": "a minute was metered and stored as a report",
    "agent.published": "JetStream has a report, the spool does not know it",
}
"""The closed list, with what is true at each."""

ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

_FILE = os.environ.get("NESTEX_FAULT_FILE")


def reach(point: str) -> None:
    """Here a fault may happen."""
    if _FILE is not None:
        _happen(Path(_FILE), point)


def arm(file: Path, point: str, action: str) -> None:
    """Let the action happen to the first process that comes to the point."""
    if point not in POINTS or action not in ACTIONS:
        raise AssertionError(f"there is no fault point {point!r}, or no action {action!r}")
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{point} {action}")
    fresh.rename(file)


def _happen(file: Path, point: str) -> None:
    with suppress(FileNotFoundError):
        armed, _, action = file.read_text().partition(" ")
        if armed == point:
            file.unlink()
            os.kill(os.getpid(), ACTIONS[action])
