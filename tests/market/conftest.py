"""A small market for each test that asks."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.market.factories import World


@pytest.fixture
def world(database: Engine) -> World:
    """A market whose clock stands until the test moves it."""
    made = World(database)
    made.establish()
    return made
