from __future__ import annotations

from sqlalchemy import Engine, select

from billing.tables import legal_identity
from market.participants.keys import authenticate
from market.tables import slice_class
from nestex.books import first_difference
from nestex.bootstrap import NewDeployment, prepare


def test_a_new_deployment_gets_its_clock_its_classes_and_one_operator(database: Engine, database_url: str) -> None:
    key = prepare(database_url, NewDeployment(clock_speed=60, market_micros=10**15))
    assert key is not None
    with database.begin() as connection:
        assert "operate" in authenticate(connection, key).scopes
        assert set(connection.execute(select(slice_class.c.name)).scalars()) == {"std", "mem", "block"}
    assert first_difference(database) is None


def test_what_is_there_is_left_alone(database: Engine, database_url: str) -> None:
    prepare(database_url, NewDeployment())
    assert prepare(database_url, NewDeployment()) is None
    with database.begin() as connection:
        assert len(connection.execute(select(legal_identity)).all()) == 1
