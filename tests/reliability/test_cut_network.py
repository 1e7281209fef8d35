"""The network between a node and the market is cut for ten market minutes or longer, and no connection is reset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reliability.founding import running_town
from tests.reliability.town import MINUTES, NODE, Town
from tests.reliability.wire import Wire

AGENT = f"agent-{NODE}"
GAVE_UP = "disconnected from NATS"
LONG, LONGER = 20, 60
"""Minutes of a guest that is there before the cut and after it."""
TEN_MINUTES_SECONDS = 10.0


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def far_town(wire: Wire, data_path: Path, patient_children: pytest.MonkeyPatch) -> Iterator[Town]:
    with running_town(data_path, address=wire.address) as town:
        wire.move(town.market.supervisor, AGENT)
        yield town


def test_a_node_whose_network_is_down_for_ten_minutes_goes_on_and_agrees_when_it_is_back(
    far_town: Town, wire: Wire
) -> None:
    town = far_town
    short, long, unheard = _cut(town, wire.unplug, minutes=LONG)
    town.wait(TEN_MINUTES_SECONDS)
    _mend(town, wire.plug, short, long, unheard, minutes=LONG)

    before = town.log(AGENT).count(GAVE_UP)
    short, long, unheard = _cut(town, wire.lose, minutes=LONGER)
    town.until(
        lambda: town.log(AGENT).count(GAVE_UP) > before, "the agent's end of a connection on which nobody speaks"
    )
    _mend(town, wire.find, short, long, unheard, minutes=LONGER)
    town.check_history()


def _cut(town: Town, cut: Callable[[], None], *, minutes: int) -> tuple[str, str, str]:
    """The names of a bid whose guests end before the line is there again, of one whose guest outlives the cut, and of
    one of which the node cannot hear."""
    short, long = town.buy(minutes=MINUTES), town.buy(minutes=minutes, guests=1)
    town.await_guests(long)
    guests = town.instances()
    cut()
    unheard = town.buy(minutes=minutes, guests=1)
    town.until(lambda: len(town.domains()) == 1, "the end of guests whose time has come, without the market")
    assert town.instances() <= guests, "nothing is started anew"
    return short, long, unheard


def _mend(town: Town, mend: Callable[[], None], short: str, long: str, unheard: str, *, minutes: int) -> None:
    mend()
    town.check_story(short, settled=False)
    town.check_story(unheard, minutes=minutes, guests=1, settled=False)
    town.check_story(long, minutes=minutes, guests=1)
    assert town.missing_minutes(long) == 0, "the minutes of the cut are billed"
