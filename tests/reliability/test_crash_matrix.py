"""kill -9 at every point of the path from the bid to the bill: nothing that was acknowledged is lost, no guest runs
twice, no minute is billed twice, and nobody has to help."""

from __future__ import annotations

import signal

import pytest

from common import fault_points
from tests.reliability.town import AHEAD, MINUTES, Town

ELSEWHERE = ("period.", "guest.adapted", "timer.", "failure.", "reseller.", "volume.")
"""Points to which a month's end alone comes (test_month_end.py), a guest that is changed (test_guest_commands.py), a
job of the worker that a plain bid does not need (test_workers_jobs.py), or a volume (tests/provisioner)."""
MATRIX = sorted(point for point in fault_points.POINTS if not point.startswith(ELSEWHERE))
SOON = 1
"""Minutes from a bid to its start, where nothing has to come back in between."""
PATH_TO_THE_START = ("engine.", "market.", "relay.", "agent.received", "agent.stored", "agent.acknowledged")
PROCESSES = ("engine-fra1", "market", "worker", "agent-node-1", "libvirtd-node-1", "nats", "postgres")
PAUSE_SECONDS = 3.0


@pytest.mark.parametrize("point", MATRIX)
def test_a_process_dies_at_a_point(town: Town, point: str) -> None:
    town.arm(point)
    name = town.buy(ahead=AHEAD if point.startswith(PATH_TO_THE_START) else SOON)
    town.until(lambda: town.fault_happened, f"the fault at {point}")
    town.check_story(name)


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("when", ["before the start", "while the guests run"])
def test_a_process_is_killed(town: Town, process: str, when: str) -> None:
    if when == "before the start":
        name = town.buy(minutes=2 * MINUTES)
        town.wait(1.0)
    else:
        name = town.buy(minutes=2 * MINUTES, ahead=SOON)
        town.await_guests(name)
        town.wait(1.0)
    town.signal(process, signal.SIGKILL)
    town.check_story(name, minutes=2 * MINUTES)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_stands_still_for_a_while(town: Town, process: str) -> None:
    name = town.buy(minutes=2 * MINUTES, ahead=SOON)
    town.await_guests(name)
    town.signal(process, signal.SIGSTOP)
    town.wait(PAUSE_SECONDS)
    town.signal(process, signal.SIGCONT)
    town.check_story(name, minutes=2 * MINUTES)
