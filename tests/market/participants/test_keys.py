from __future__ import annotations

import pytest
from sqlalchemy import func, select

from common.errors import InvalidInput, NotFound, Unauthenticated
from market.participants.keys import authenticate, create_key, revoke_key
from market.tables import api_key
from tests.market.factories import World


def test_a_key_speaks_for_its_participant_with_its_scopes_until_it_is_revoked(world: World) -> None:
    owner, stranger = world.participant(), world.participant()
    with world.begin() as connection:
        info, text = create_key(connection, 1, owner, "bot", ["trade", "read"], None)
        caller = authenticate(connection, text)
        assert (caller.participant, caller.scopes) == (owner, frozenset({"trade", "read"}))
        with pytest.raises(NotFound):
            revoke_key(connection, stranger, info.id)
        revoke_key(connection, owner, info.id)
        with pytest.raises(Unauthenticated):
            authenticate(connection, text)


def test_the_secret_is_kept_only_as_a_digest(world: World) -> None:
    with world.begin() as connection:
        info, text = create_key(connection, 1, world.participant(), "bot", ["read"], None)
        row = connection.execute(select(api_key).where(api_key.c.id == info.id)).mappings().one()
    secret = text.rpartition(".")[2]
    assert len(secret) >= 43
    assert secret not in str(dict(row))


def test_a_key_ends_when_it_expires(world: World) -> None:
    with world.begin() as connection:
        _, text = create_key(connection, 1, world.participant(), "bot", ["read"], None)
        connection.execute(api_key.update().values(expires_at=func.now()))
        with pytest.raises(Unauthenticated):
            authenticate(connection, text)


@pytest.mark.parametrize("change", ["", "x", "other", "cut"])
def test_a_key_that_is_not_exactly_right_is_refused(world: World, change: str) -> None:
    with world.begin() as connection:
        _, text = create_key(connection, 1, world.participant(), "bot", ["read"], None)
        _, other = create_key(connection, 1, world.participant(), "bot", ["read"], None)
        wrong = {
            "": "",
            "x": text + "x",
            "other": ".".join([*text.split(".")[:2], other.split(".")[2]]),
            "cut": text[:-1],
        }[change]
        with pytest.raises(Unauthenticated):
            authenticate(connection, wrong)


def test_scopes_come_from_a_closed_list(world: World) -> None:
    with world.begin() as connection, pytest.raises(InvalidInput):
        create_key(connection, 1, world.participant(), "bot", ["everything"], None)
