"""The database is set back to a backup, while agents, their guests and JetStream are further on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.errors import Conflict
from nestex.backups.make import back_up
from nestex.backups.restore import restore
from tests.reliability.town import ZONE, Town

LONG = 40
"""Minutes of a guest that lives through all of it."""
SHORT = 6
"""Minutes of one that ends between the backup and the restore."""
PROCESSES = ("worker", f"engine-{ZONE}", "market")


@contextmanager
def _without_market(town: Town) -> Iterator[None]:
    """Market, engine and worker are down; PostgreSQL, nats-server and the agent go on."""
    supervisor = town.market.supervisor
    children = {name: supervisor.child(name) for name in PROCESSES}
    for name in PROCESSES:
        supervisor.stop(name)
    town.database.dispose()
    yield
    for name in reversed(PROCESSES):
        supervisor.start(children[name])


def test_a_restored_market_agrees_with_agents_that_are_further_on(town: Town, tmp_path: Path) -> None:
    url, backup = town.market.stack.database_url, tmp_path / "backup"
    long, short = town.buy(minutes=LONG, guests=1), town.buy(minutes=SHORT, guests=1)
    town.until(lambda: len(town.instances()) == 2, "both guests")
    guests = town.instances()
    made = back_up(url, backup, {})
    given_up = town.buy(minutes=LONG, guests=2)
    town.until(lambda: len(town.instances() - guests) == 2, "the guests of what is given up")
    town.ended(short)
    [kept] = town.instances() & guests

    with pytest.raises(Conflict, match="nestex worker"):
        restore(url, backup, replace=True)
    with _without_market(town):
        with pytest.raises(Conflict, match="--replace"):
            restore(url, backup, replace=False)
        assert restore(url, backup, replace=True) == made
        town.wait(12)  # longer than the grace time for late reports
        assert town.contracts(short)[0]["delivered_seconds"] < SHORT * 60 - 60
        town.database.dispose()

    town.until(lambda: town.instances() == {kept}, "the end of the guests that the market does not know any more")
    assert town.contracts(given_up) == []
    town.check_story(short, minutes=SHORT, guests=1, settled=False)
    assert town.contracts(short)[0]["delivered_seconds"] >= SHORT * 60 - 60, "what the stream held is billed"
    assert kept in town.instances(), "the same guest all the time"
    town.check_history()
    again = town.buy()
    town.check_story(again, settled=False)
    town.check_story(long, minutes=LONG, guests=1)
    assert town.contracts(long)[0]["delivered_seconds"] >= LONG * 60 - 60
    town.check_history()
