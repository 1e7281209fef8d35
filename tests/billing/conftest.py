"""The books of a small market, for every test of billing that posts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from tests.billing.factories import open_market, open_participants

# Some tests run other programs between two statements.
_PATIENT = text("SET LOCAL idle_in_transaction_session_timeout = 0")


@pytest.fixture
def books(database: Engine) -> Iterator[Connection]:
    """A transaction on a fresh database with a market, a buyer and a provider that have money."""
    with database.connect() as connection, connection.begin():
        connection.execute(_PATIENT)
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        yield connection
