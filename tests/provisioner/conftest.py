"""Real servers for the agent's tests: a private libvirtd with libvirt's test driver, and nats-servers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.clock import SystemClock
from common.ids import new_id
from nestex.stack.folder import DataFolder
from nestex.stack.libvirtd import start_libvirtd
from nestex.stack.supervisor import Supervisor
from provisioner.hypervisor.libvirt_connection import start_event_loop
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from tests.conftest import NatsAccount
from tests.provisioner.bus import Nats


@pytest.fixture(scope="session")
def libvirt_uri() -> Iterator[str]:
    """The URI of a libvirtd of our own, whose domains outlive those that use it."""
    start_event_loop()  # must come before the first connection of the process, which is the supervisor's
    folder = Path(tempfile.mkdtemp(prefix="nestex-agent-"))
    with _supervisor(folder) as supervisor:
        yield start_libvirtd(supervisor, "test")
    shutil.rmtree(folder)


@pytest.fixture
def nats_server(nats_account: NatsAccount) -> Nats:
    """An account of its own on the run's nats-server."""
    return Nats(nats_account.url, nats_account.credentials.parent)


@pytest.fixture
def nats_supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """For a test that starts and stops a nats-server of its own."""
    with _supervisor(tmp_path / "stack") as supervisor:
        yield supervisor


@pytest.fixture
def node() -> str:
    """A node that no other test has used."""
    return new_id("nod", 0)


@pytest.fixture
def test_driver(driver: LibvirtDriver) -> LibvirtDriver:
    """The same, where `driver` has another meaning."""
    return driver


@pytest.fixture
def driver(libvirt_uri: str) -> Iterator[LibvirtDriver]:
    """A driver on that libvirtd, with none of our domains in it."""
    driver = LibvirtDriver(libvirt_uri)
    yield driver
    for guest in driver.guests():
        driver.stop(guest.contract)
        driver.remove(guest.contract)
    driver.close()


@contextmanager
def _supervisor(folder: Path) -> Iterator[Supervisor]:
    with DataFolder.hold(folder) as held, Supervisor(held, SystemClock()) as supervisor:
        yield supervisor
