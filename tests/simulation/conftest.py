"""A database of its own for each worker's simulations, and a folder in memory for the agents' files."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Servers
from tests.simulation.bus_contract import Run, on_server, on_twin
from tests.simulation.database import prepare
from tests.simulation.folders import memory_folder


@pytest.fixture(scope="session")
def simulated_url(servers: Servers) -> Iterator[str]:
    """The database; every simulation empties it when it begins."""
    server, _, template = servers.template_url.rpartition("/")
    name = f"simulation_{secrets.token_hex(8)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(create)
        prepare(f"{server}/{name}")
        yield f"{server}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=["twin", "nats-server"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story of the bus's contract, once on each."""
    if request.param == "twin":
        return on_twin
    return partial(on_server, request.getfixturevalue("nats_account"))


@pytest.fixture
def agent_files() -> Iterator[Path]:
    with memory_folder() as path:
        yield path
