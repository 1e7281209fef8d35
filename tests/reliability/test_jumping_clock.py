"""A process comes back to a system clock that is a quarter of a market hour off, either way."""

from __future__ import annotations

import pytest

from tests.reliability.town import AHEAD, MINUTES, Town

QUARTER_SECONDS = 15
"""Of real time, on a clock where a second is a minute."""


PROCESSES = ("engine-fra1", "worker", "agent-node-1")


@pytest.mark.parametrize("seconds", [-QUARTER_SECONDS, QUARTER_SECONDS], ids=["back", "ahead"])
def test_nothing_is_lost_or_doubled_when_clocks_jump(town: Town, seconds: int) -> None:
    running = town.buy(minutes=4 * MINUTES)
    town.wait(AHEAD + 1)
    for process in PROCESSES:
        town.jump(process, seconds)
    later = town.buy()
    town.wait(QUARTER_SECONDS)
    for process in PROCESSES:
        town.jump(process, 0)
    town.check_story(running, minutes=4 * MINUTES, settled=False)
    town.check_story(later)
    town.check_history()
