"""The stack that `nestex up`, `nestex demo` and the tests stand on: a database with its schema, and a message bus.

Each part is the embedded one, unless the configuration names another: NESTEX_DATABASE_URL, or NESTEX_NATS_URL with the
files NESTEX_NATS_CREDENTIALS and NESTEX_NATS_AGENTS. What runs on the stack are further children of its supervisor.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.clock import RealClock
from common.errors import InvalidInput
from nestex import schema
from nestex.stack.folder import DataFolder
from nestex.stack.libvirtd import discard_sockets
from nestex.stack.nats import start_nats
from nestex.stack.postgres import start_postgres
from nestex.stack.postgres_home import discard_home
from nestex.stack.supervisor import Supervisor
from runtime.agent_access import AGENTS, SERVER_CREDENTIALS

_DATABASE_URL = "NESTEX_DATABASE_URL"
_NATS_URL = "NESTEX_NATS_URL"
_NATS_CREDENTIALS = "NESTEX_NATS_CREDENTIALS"
_NATS_AGENTS = "NESTEX_NATS_AGENTS"


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: where its parts are, and the supervisor that further processes are started with."""

    supervisor: Supervisor
    database_url: str
    nats_url: str
    nats_credentials: Path
    nats_agents: Path

    def environment(self) -> dict[str, str]:
        """What every server process is told."""
        return {
            _DATABASE_URL: self.database_url,
            _NATS_URL: self.nats_url,
            _NATS_CREDENTIALS: str(self.nats_credentials),
        }

    def market_environment(self) -> dict[str, str]:
        """What the market process is told: it alone gets the key that admits agents."""
        return self.environment() | {_NATS_AGENTS: str(self.nats_agents)}


@contextmanager
def running_stack(
    path: Path, clock: RealClock, configured: Mapping[str, str], *, durable: bool = True
) -> Iterator[Stack]:
    """The stack over the data folder at `path`, from the main thread. At the end everything is stopped in order.

    `configured` are the environment's variables. Raises Unavailable (`stack_failed`) if a part does not start or the
    folder is in use, and InvalidInput (`missing_field`) if the configuration of NATS is incomplete.
    """
    with DataFolder.hold(path) as folder, Supervisor(folder, clock) as supervisor:
        database_url = configured.get(_DATABASE_URL) or start_postgres(supervisor, durable=durable)
        schema.upgrade(database_url)
        nats_url, credentials, agents = _configured_nats(configured) or _embedded_nats(supervisor, durable)
        yield Stack(supervisor, database_url, nats_url, credentials, agents)


def discard(path: Path) -> None:
    """Delete a data folder, and what its stack keeps outside. Raises Unavailable (`stack_failed`) if it is in use."""
    with DataFolder.hold(path) as folder:
        discard_home(folder)
        discard_sockets(folder)
        shutil.rmtree(path)


def _configured_nats(configured: Mapping[str, str]) -> tuple[str, Path, Path] | None:
    if not configured.get(_NATS_URL):
        return None
    for name in (_NATS_CREDENTIALS, _NATS_AGENTS):
        if not configured.get(name):
            raise InvalidInput("missing_field", f"{_NATS_URL} is set, so {name} must be set too", field=name)
    return configured[_NATS_URL], Path(configured[_NATS_CREDENTIALS]), Path(configured[_NATS_AGENTS])


def _embedded_nats(supervisor: Supervisor, durable: bool) -> tuple[str, Path, Path]:
    url, home = start_nats(supervisor, durable=durable)
    return url, home / SERVER_CREDENTIALS, home / AGENTS
