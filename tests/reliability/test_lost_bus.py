"""The bus loses everything that it had on disk: streams, consumers and what was in them."""

from __future__ import annotations

import shutil

from nestex.stack.nats import start_nats
from tests.reliability.town import AHEAD, Town

LONG = 14


def test_a_bus_whose_store_was_emptied_is_set_up_anew_and_nothing_is_lost(town: Town) -> None:
    running = town.buy(minutes=LONG)
    town.wait(AHEAD + 2)
    before = town.instances()
    assert before
    town.stop("nats")
    shutil.rmtree(town.path / "nats" / "jetstream")
    start_nats(town.market.supervisor)
    assert "made anew" in town.until(lambda: "made anew" in town.log("worker") and town.log("worker"), "the mending")
    later = town.buy(minutes=LONG)
    assert before <= town.instances(), "the same guests run on"
    for name in (running, later):
        town.check_story(name, minutes=LONG, settled=name == later)
        assert all(row["delivered_seconds"] > LONG * 30 for row in town.contracts(name))
