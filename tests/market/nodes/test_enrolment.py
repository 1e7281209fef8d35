from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from common.enrolment import EnrolRequest
from common.errors import Conflict, Forbidden, NotFound
from common.wire import Capacity
from market.nodes.enrolment import issue_token, use_token
from market.tables import enrolment, node
from tests.market.factories import World

KEY = "U" + "A" * 55


def request(token: str, capacity: Capacity | None = None) -> EnrolRequest:
    return EnrolRequest(token, KEY, "0.1.0", capacity or Capacity(100, 1_000_000, 1_000))


def token_for(world: World, provider: str, node_id: str) -> str:
    with world.begin() as connection:
        return issue_token(connection, 1, provider, node_id).token


def test_a_token_admits_one_agent_once(world: World) -> None:
    provider = world.provider()
    node_id = world.node(provider)
    token = token_for(world, provider, node_id)
    with world.begin() as connection:
        assert use_token(connection, request(token)) == node_id
    with world.begin() as connection:
        assert use_token(connection, request(token)) == node_id  # the first answer may have been lost
    with world.begin() as connection, pytest.raises(Forbidden):
        use_token(connection, replace(request(token), public_key="U" + "B" * 55))


def test_a_key_is_one_nodes_agents_alone(world: World) -> None:
    provider = world.provider()
    tokens = [token_for(world, provider, world.node(provider)) for _ in range(2)]
    with world.begin() as connection:
        use_token(connection, request(tokens[0]))
        with pytest.raises(Conflict):
            use_token(connection, request(tokens[1]))


def test_a_token_ends_after_its_time(world: World) -> None:
    provider = world.provider()
    token = token_for(world, provider, world.node(provider))
    with world.begin() as connection:
        connection.execute(enrolment.update().values(expires_at=func.now()))
    with world.begin() as connection, pytest.raises(Forbidden):
        use_token(connection, request(token))


def test_the_token_itself_is_not_stored(world: World) -> None:
    provider = world.provider()
    token = token_for(world, provider, world.node(provider))
    with world.begin() as connection:
        stored = connection.execute(select(enrolment)).mappings().one()
    assert token not in str(dict(stored))


def test_more_than_the_agent_measured_is_never_offered(world: World) -> None:
    provider = world.provider()
    node_id = world.node(provider, vcpus=8)
    with world.begin() as connection:
        token = issue_token(connection, 1, provider, node_id).token
        use_token(connection, request(token, Capacity(4, 1_000_000, 20)))
        row = connection.execute(select(node).where(node.c.id == node_id)).one()
    assert (row.vcpus, row.memory_mib, row.disk_gib) == (4, 8 * 2048, 20)


def test_a_token_is_the_nodes_owners_to_ask_for(world: World) -> None:
    stranger = world.provider()
    with world.begin() as connection, pytest.raises(NotFound):
        issue_token(connection, 1, stranger, world.node(world.provider()))
