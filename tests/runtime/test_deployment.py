from __future__ import annotations

import pytest
from sqlalchemy import Engine

from common.clock import ClockAnchor
from common.errors import Unavailable
from runtime.deployment import establish, read


def test_the_first_anchor_stays(database: Engine) -> None:
    with database.begin() as connection:
        establish(connection, "EUR", ClockAnchor(100, 5_000, 60))
        again = establish(connection, "USD", ClockAnchor(200, 9_000, 60))
        assert (again.currency, again.anchor) == ("EUR", ClockAnchor(100, 5_000, 60))


def test_another_speed_goes_on_from_the_same_market_time(database: Engine) -> None:
    with database.begin() as connection:
        establish(connection, "EUR", ClockAnchor(100, 5_000, 60))
        establish(connection, "EUR", ClockAnchor(200, 0, 1))
        assert read(connection).anchor == ClockAnchor(200, 5_000 + 100 * 60, 1)


def test_a_database_without_a_deployment_says_what_to_do(database: Engine) -> None:
    with database.begin() as connection, pytest.raises(Unavailable, match="nestex migrate"):
        read(connection)
