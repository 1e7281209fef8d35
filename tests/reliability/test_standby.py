"""A second engine of the same zone waits, takes over, and shuts the first one out."""

from __future__ import annotations

import signal

from tests.reliability.town import ZONE, Town

FIRST, SECOND = f"engine-{ZONE}", "engine-standby"


def test_a_standby_takes_over_and_the_old_engine_ends_when_it_wakes(town: Town) -> None:
    town.start_engine(SECOND)
    town.check_story(town.buy())
    town.until(lambda: "standby" in town.log(SECOND), "the second engine's waiting")
    town.signal(FIRST, signal.SIGSTOP)
    name = town.buy()  # repeated until the standby answers
    assert "serves, epoch" in town.log(SECOND)
    town.signal(FIRST, signal.SIGCONT)
    town.until(lambda: "was taken over" in town.log(FIRST), "the old engine's end, with its reason")
    town.check_story(name)
    town.stop(SECOND)
    town.check_story(town.buy())


def test_a_killed_engine_is_replaced_by_its_standby(town: Town) -> None:
    town.start_engine(SECOND)
    town.until(lambda: "standby" in town.log(SECOND), "the second engine's waiting")
    town.signal(FIRST, signal.SIGKILL)
    town.check_story(town.buy())
    town.stop(SECOND)
