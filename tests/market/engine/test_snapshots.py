"""A snapshot and the journal behind it make the same memory as the whole journal."""

from __future__ import annotations

from sqlalchemy import func, select, update

from market.engine import snapshots
from market.engine.commands import AmendOrder
from market.engine.recovery import rebuild
from market.tables import snapshot
from tests.market.factories import ZONE, World, order


def keep_snapshot(world: World) -> int:
    with world.begin() as connection:
        built = rebuild(connection, ZONE, lambda: None)
        snapshots.write(connection, built.state, built.next_sequence)
        return built.applied


def busy(world: World) -> None:
    """A few orders of every kind that rest, and some that trade."""
    provider, buyer = world.provider(), world.participant(9_000_000)
    engine = world.engine()
    node = world.node(provider)
    ask = order(engine.process([world.ask(provider, node, slices=8, available_until=world.minute + 300)]))
    rest = {"start_by": world.minute + 40, "price_micros": 100}
    bid = order(engine.process([world.bid(buyer, guests=3, nodes=(node,), post_only=True, **rest)]))
    engine.process([world.bid(buyer, guests=2, slices_per_guest=2), world.bid(buyer, guests=2, **rest)])
    engine.process([world.ask(provider, node, price_micros=400, time_in_force="gtd", expires_at=world.minute + 90)])
    engine.process([AmendOrder(bid["id"], buyer, 1, guests=2), AmendOrder(ask["id"], provider, 1, slices=7)])


def test_a_snapshot_and_the_tail_are_the_whole_journal(world: World) -> None:
    busy(world)
    assert keep_snapshot(world) > 0
    world.real.pass_minutes(3)
    busy(world)
    with world.begin() as connection:
        short = rebuild(connection, ZONE, lambda: None)
        whole = rebuild(connection, ZONE, lambda: None, from_start=True)
    assert 0 < short.applied < whole.applied
    assert short.next_sequence == whole.next_sequence
    assert short.state.shard.state_hash() == whole.state.shard.state_hash()
    assert short.state.open == whole.state.open
    assert short.state.shard.next_expiry() == whole.state.shard.next_expiry()
    assert world.engine("next").state.open == whole.state.open


def test_a_snapshot_that_is_not_what_it_says_is_left_aside(world: World) -> None:
    busy(world)
    keep_snapshot(world)
    for damage in ({"state_sha256": "0" * 64}, {"state": b"no snapshot"}):
        with world.begin() as connection:
            connection.execute(update(snapshot).values(**damage))
            assert rebuild(connection, ZONE, lambda: None).state.open != {}
            assert snapshots.newest(connection, ZONE) is None


def test_only_the_newest_snapshots_are_kept(world: World) -> None:
    for _ in range(3):
        busy(world)
        keep_snapshot(world)
    with world.begin() as connection:
        assert connection.execute(select(func.count()).select_from(snapshot)).scalar_one() == snapshots.KEPT
        assert snapshots.newest_sequence(connection, ZONE) == world.engine().next_sequence
