"""Real guests for the tests: a private libvirtd with QEMU, the small guest's image, and room for two guests at a time.

Where libvirtd cannot start, or the image cannot be built, the tests fail and say why: `make guests` installs what they
need. A run without root leaves them out, and says so in its last line (tests/conftest.py).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from common.clock import SystemClock
from nestex.stack.folder import DataFolder
from nestex.stack.qemu_libvirtd import start_qemu_libvirtd
from nestex.stack.supervisor import Supervisor
from provisioner.hypervisor.boot_probe import probe_machine
from provisioner.hypervisor.libvirt_connection import start_event_loop
from provisioner.hypervisor.qemu_driver import Places, QemuDriver
from tests.provisioner.hypervisor.guest_slots import room_for
from tests.provisioner.hypervisor.real_node import RealNode
from tests.provisioner.images.built import built_image


@pytest.fixture(scope="session")
def image_pool(pytestconfig: pytest.Config) -> Iterator[Path]:
    """A pool with the small guest."""
    pool = Path(tempfile.mkdtemp(prefix="nestex-pool-"))
    shutil.copytree(built_image(pytestconfig), pool, dirs_exist_ok=True)
    yield pool
    shutil.rmtree(pool)


@pytest.fixture(scope="session")
def real_node(image_pool: Path) -> Iterator[RealNode]:
    """A libvirtd with QEMU, and what a node gives its guests."""
    start_event_loop()
    folder = Path(tempfile.mkdtemp(prefix="nestex-guests-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        held = stack.enter_context(DataFolder.hold(folder / "stack"))
        supervisor = stack.enter_context(Supervisor(held, SystemClock()))
        uri = start_qemu_libvirtd(supervisor, "node")
        address = f"127.1.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"  # ports of other workers' guests are others
        places = Places(folder / "guests", image_pool, folder / "cache", folder / "volumes", address)
        places.volumes.mkdir()
        yield RealNode(uri, probe_machine(uri, folder / "probe", SystemClock()), places, supervisor)


@pytest.fixture(scope="module")
def real_guests(request: pytest.FixtureRequest, real_node: RealNode) -> Iterator[QemuDriver]:
    """A driver on it, with room for one guest, or for as many as the module says (`GUESTS`)."""
    with room_for(getattr(request.module, "GUESTS", 1)):
        driver = QemuDriver(real_node.uri, real_node.machine, real_node.places, SystemClock())
        yield driver
        for guest in driver.guests():
            driver.stop(guest.contract)
            driver.remove(guest.contract)
        for volume in driver.volumes():
            driver.volume_remove(volume.name)
        driver.close()
