from __future__ import annotations

from sqlalchemy import func, select

from market.engine import snapshots
from market.tables import snapshot
from market.worker.snapshotter import Snapshotter
from tests.market.factories import ZONE, World


def test_a_snapshot_is_made_when_enough_commands_have_come(world: World) -> None:
    buyer = world.participant(9_000_000)
    engine = world.engine()
    rest = {"start_by": world.minute + 60}
    snapshotter = Snapshotter(world.database, every_commands=3)
    assert snapshotter.snapshot_once() == []
    engine.process([world.bid(buyer, **rest) for _ in range(2)])
    assert snapshotter.snapshot_once() == []
    engine.process([world.bid(buyer, **rest)])
    assert snapshotter.snapshot_once() == [ZONE]
    assert snapshotter.snapshot_once() == []
    engine.process([world.bid(buyer, **rest) for _ in range(3)])
    assert snapshotter.snapshot_once() == [ZONE]
    with world.begin() as connection:
        assert connection.execute(select(func.count()).select_from(snapshot)).scalar_one() == 2
        assert snapshots.newest_sequence(connection, ZONE) == 7
    assert world.engine("next").state.open == engine.state.open


def test_a_shard_with_many_open_orders_waits_for_as_many_commands(world: World) -> None:
    buyer = world.participant(9_000_000)
    engine = world.engine()
    snapshotter = Snapshotter(world.database, every_commands=2)
    engine.process([world.bid(buyer, start_by=world.minute + 60) for _ in range(4)])
    assert snapshotter.snapshot_once() == [ZONE]
    engine.process([world.bid(buyer, start_by=world.minute + 60) for _ in range(3)])
    assert snapshotter.snapshot_once() == []
    engine.process([world.bid(buyer, start_by=world.minute + 60)])
    assert snapshotter.snapshot_once() == [ZONE]
