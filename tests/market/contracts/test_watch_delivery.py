from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from billing.tables import billable_contract
from common import codec
from common.wire import Allocation
from market.contract_states import CONTRACT_FEED
from market.contracts.watch_delivery import fail_late, fail_lost
from market.tables import contract, node
from runtime import feed, outbox
from tests.market.contracts.test_follow_guest import tell
from tests.market.factories import World, contract_of

DEADLINE = 5


@pytest.fixture
def row(world: World) -> dict[str, Any]:
    return contract_of(world, minutes=30)


def late(world: World, row: dict[str, Any], minute: int, *untold: str) -> list[str]:
    with world.begin() as connection:
        return fail_late(connection, row["node_id"], minute, world.real.micros, untold)


def lost(world: World, minute: int, silent_seconds: float) -> list[str]:
    with world.begin() as connection:
        return fail_lost(connection, minute, world.real.micros, silent_seconds)


def silence(world: World, seconds: int) -> None:
    """The node was heard so long ago, and is LOST."""
    with world.begin() as connection:
        at = func.now() - text(f"interval '{seconds} seconds'")
        connection.execute(update(node).values(state="lost", heartbeat_at=at))


def test_a_guest_that_is_not_ready_within_the_deadline_fails_its_contract(world: World, row: dict[str, Any]) -> None:
    deadline = row["start_minute"] + DEADLINE
    assert late(world, row, deadline - 1) == []
    assert late(world, row, deadline) == [row["id"]]
    with world.begin() as connection:
        failed = connection.execute(select(contract)).mappings().one()
        ended = connection.execute(select(billable_contract.c.ended_minute)).scalar_one()
        sent = [codec.decode(Allocation, bytes(message.payload)) for message in outbox.unpublished(connection, 10)]
        [(_, event)] = feed.read(connection, CONTRACT_FEED, 0, 10)
    assert (failed["state"], failed["reason"], ended) == ("failed", "not_ready_in_time", deadline)
    assert [(message.revision, message.want) for message in sent] == [(1, "run"), (2, "gone")]
    assert event.payload == {"state": "failed", "reason": "not_ready_in_time"}
    assert late(world, row, deadline + 1) == []


def test_what_is_ready_or_stopped_by_its_buyer_or_has_news_on_the_way_is_not_late(
    world: World, row: dict[str, Any]
) -> None:
    minute = row["start_minute"] + DEADLINE
    assert late(world, row, minute, row["id"]) == []
    with world.begin() as connection:
        connection.execute(update(contract).values(want="stopped"))
    assert late(world, row, minute) == []
    with world.begin() as connection:
        connection.execute(update(contract).values(want="run"))
    tell(world, row, "starting", world.real.micros // 1000)
    tell(world, row, "ready", world.real.micros // 1000 + 1)
    assert late(world, row, minute) == []


def test_another_nodes_voice_says_nothing_of_this_one(world: World, row: dict[str, Any]) -> None:
    assert late(world, row | {"node_id": "nod_other"}, row["start_minute"] + DEADLINE) == []


def test_what_is_over_is_left_to_completion(world: World, row: dict[str, Any]) -> None:
    silence(world, 120)
    assert late(world, row, row["end_minute"]) == []
    assert lost(world, row["end_minute"], 60) == []


def test_a_lost_node_fails_what_runs_on_it_only_when_it_is_silent_for_too_long(
    world: World, row: dict[str, Any]
) -> None:
    silence(world, 50)
    assert lost(world, row["start_minute"], 60) == []
    silence(world, 70)
    assert lost(world, row["start_minute"] - 1, 60) == []
    assert lost(world, row["start_minute"] + 3, 60) == [row["id"]]
    with world.begin() as connection:
        assert connection.execute(select(billable_contract.c.ended_minute)).scalar_one() == row["start_minute"] + 3


def test_a_silent_node_that_is_not_lost_fails_nothing(world: World, row: dict[str, Any]) -> None:
    silence(world, 70)
    with world.begin() as connection:
        connection.execute(update(node).values(state="online"))
    assert lost(world, row["start_minute"], 60) == []
