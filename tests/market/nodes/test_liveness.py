from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from common.wire import Capacity, Heartbeat
from market.nodes.liveness import asks_to_withdraw, live_revisions, mark_lost, record_heartbeat, untold
from market.tables import contract, node
from tests.market.factories import World, contract_of, order


def beat(node_id: str) -> Heartbeat:
    return Heartbeat(node_id, "0.1.0", True, {}, Capacity(1, 1, 1), 0, 0)


def now(connection: Connection) -> datetime:
    """Real time, as the bus would stamp a heartbeat."""
    at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return at


def test_a_heartbeat_that_was_read_late_brings_nobody_back(world: World) -> None:
    node_id = world.node(world.provider())
    with world.begin() as connection:
        record_heartbeat(connection, beat(node_id), now(connection))
        connection.execute(node.update().values(state="lost"))
        record_heartbeat(connection, beat(node_id), now(connection) - timedelta(minutes=5))
        assert connection.execute(select(node.c.state)).scalar_one() == "lost"


def test_a_node_that_falls_silent_is_lost_and_a_heartbeat_brings_it_back(world: World) -> None:
    node_id = world.node(world.provider())
    with world.begin() as connection:
        record_heartbeat(connection, beat(node_id), now(connection))
        assert mark_lost(connection, 30) == []
        connection.execute(node.update().values(heartbeat_at=text("now() - interval '31 seconds'")))
        assert mark_lost(connection, 30) == [node_id]
        assert mark_lost(connection, 30) == []
        record_heartbeat(connection, beat(node_id), now(connection))
        assert connection.execute(select(node.c.state)).scalar_one() == "online"


def test_the_asks_of_a_lost_node_are_told_until_they_are_gone(world: World) -> None:
    provider = world.provider()
    engine = world.engine()
    ask = order(engine.process([world.ask(provider, world.node(provider))]))
    with world.begin() as connection:
        assert asks_to_withdraw(connection) == []
        connection.execute(node.update().values(state="lost"))
        [found] = asks_to_withdraw(connection)
    assert (found.order, found.participant, found.shard) == (ask["id"], provider, "fra1")
    canceled = order(engine.process([world.cancel(found.order, found.participant, "node_lost")]))
    assert (canceled["state"], canceled["reason"]) == ("canceled", "node_lost")
    with world.begin() as connection:
        assert asks_to_withdraw(connection) == []


def test_a_node_should_hold_its_live_contracts(world: World) -> None:
    row = contract_of(world)
    with world.begin() as connection:
        assert live_revisions(connection, row["node_id"]) == {row["id"]: 1}


def test_the_end_of_a_guest_is_asked_for_again_where_its_contract_ended_early_and_the_news_was_lost(
    world: World,
) -> None:
    row = contract_of(world)
    name, node_id = row["id"], row["node_id"]
    after = replace(beat(node_id), applied={name: 1})
    with world.begin() as connection:
        early = {"state": "released", "ended_minute": row["start_minute"] + 2, "guest_state": "ready"}
        connection.execute(contract.update().values(early))
        assert untold(connection, replace(after, told={name: 5})) == [], "the guest is still there"
        assert untold(connection, beat(node_id)) == [], "the agent has never heard of it"
        assert untold(connection, after) == [name]
        connection.execute(contract.update().values(guest_state="removed"))
        assert untold(connection, after) == []
