"""Real servers for the tests: one PostgreSQL and one nats-server for a run, started by the first test that asks.

    database_url     a fresh database with the whole schema, as a libpq URL; dropped after the test
    database         a SQLAlchemy Engine on it
    module_database  the same, once for all tests of a module
    nats_url         the nats-server
    nats_account     a fresh account on it, so streams start empty: `url`, `authority`, `credentials` (path of the
                     servers' credentials file), `agents` (path of agents.json) and `push`, which sends the server
                     changed claims of the account

Under pytest-xdist the controller starts the servers for all workers. They end with the run, even when it is killed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from nats.aio.client import RawCredentials
from psycopg import sql
from sqlalchemy import Engine

from common.clock import SystemClock
from nestex import schema
from nestex.stack.folder import DataFolder
from nestex.stack.nats import start_nats
from nestex.stack.postgres import start_postgres
from nestex.stack.postgres_home import discard_home
from nestex.stack.supervisor import Supervisor
from runtime.agent_access import AGENTS, SERVER_CREDENTIALS, Authority
from runtime.database import connect
from runtime.nats_jwt import credentials_file, new_seed
from tests.out_of_reach import pytest_collection_modifyitems, pytest_terminal_summary
from tests.scheduling import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_terminal_summary",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
]

# How long an example takes is the machine's business; no test fails because others use it too.
settings.register_profile("nestex", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nestex")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the run's servers are. `template_url` is the migrated database that every test gets a copy of."""

    template_url: str
    nats_url: str
    nats_home: str


@dataclass(frozen=True, slots=True)
class NatsAccount:
    """An account of its own on the run's nats-server."""

    url: str
    authority: Authority
    credentials: Path
    agents: Path

    def push(self, authority: Authority) -> None:
        """Give the server the account's claims as `authority` states them."""
        asyncio.run(_push(self.url, authority))


_SERVERS = pytest.StashKey[Servers]()


def pytest_configure() -> None:
    """Tests send Ctrl-C, which a run that a shell has started in the background ignores, and all its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure_node(node: Any) -> None:
    """Of pytest-xdist, in the controller: what a worker gets to know."""
    node.workerinput["servers"] = dataclasses.asdict(_started(node.config))


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    workerinput: dict[str, Any] | None = getattr(pytestconfig, "workerinput", None)
    return Servers(**workerinput["servers"]) if workerinput else _started(pytestconfig)


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    with _fresh_database(servers) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url, application="test")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def module_database(servers: Servers) -> Iterator[Engine]:
    """For tests that look at one history and leave it as it is."""
    with _fresh_database(servers) as url:
        engine = connect(url, application="test")
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def nats_url(servers: Servers) -> str:
    return servers.nats_url


@pytest.fixture
def nats_account(servers: Servers, tmp_path: Path) -> NatsAccount:
    authority = dataclasses.replace(
        Authority.load(Path(servers.nats_home)),
        account_seed=new_seed("account"),
        signing_seed=new_seed("account"),
        server_seed=new_seed("user"),
    )
    folder = tmp_path / "nats-account"
    folder.mkdir()
    authority.save(folder)
    account = NatsAccount(servers.nats_url, authority, folder / SERVER_CREDENTIALS, folder / AGENTS)
    account.push(authority)
    return account


@contextmanager
def _fresh_database(servers: Servers) -> Iterator[str]:
    server, _, template = servers.template_url.rpartition("/")
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")  # a third of the work of WAL_LOG here
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        yield f"{server}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _started(config: pytest.Config) -> Servers:
    if _SERVERS not in config.stash:
        cleanup = ExitStack()
        config.add_cleanup(cleanup.close)
        config.stash[_SERVERS] = _start(cleanup)
    return config.stash[_SERVERS]


def _start(cleanup: ExitStack) -> Servers:
    path = Path(tempfile.mkdtemp(prefix="nestex-tests-"))
    path.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
    cleanup.callback(shutil.rmtree, path)
    folder = cleanup.enter_context(DataFolder.hold(path))
    cleanup.callback(discard_home, folder)
    supervisor = cleanup.enter_context(Supervisor(folder, SystemClock()))
    template_url = start_postgres(supervisor, durable=False)
    schema.upgrade(template_url)
    nats_url, nats_home = start_nats(supervisor, durable=False)
    return Servers(template_url, nats_url, str(nats_home))


async def _push(url: str, authority: Authority) -> None:
    client = await nats.connect(url, user_credentials=RawCredentials(credentials_file(*authority.system_credentials())))
    try:
        answer = await client.request("$SYS.REQ.CLAIMS.UPDATE", authority.account_jwt().encode(), timeout=10)
    finally:
        await client.close()
    if "error" in (outcome := json.loads(answer.data)):
        raise AssertionError(f"nats-server refused the account's claims: {outcome['error']}")
