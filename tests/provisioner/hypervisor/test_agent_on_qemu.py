from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from common.agent_commands import Sync
from common.clock import ClockAnchor, MarketClock, SystemClock
from common.errors import Unavailable
from common.ids import new_id
from common.wire import Allocation
from provisioner.hypervisor.port import Guest
from provisioner.hypervisor.qemu_driver import Places, QemuDriver
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Nats, eventually, market
from tests.provisioner.hypervisor.real_node import READY_SECONDS, SMALL, RealNode

CONTRACT = new_id("con", SystemClock().wall_micros() // 1000)
HOUR = 60


@pytest.fixture
def agent_node(tmp_path: Path, real_node: RealNode, real_guests: QemuDriver) -> Iterator[Node]:
    """An agent on the hypervisor of real guests; its own folder has their files."""
    real = SystemClock()
    clock = MarketClock(ClockAnchor(real.wall_micros(), 1000 * 60_000_000, 60), real)
    folder = tmp_path / "agent"
    folder.mkdir()
    found = Node(folder, real_node.uri, clock, images=real_node.places.images)
    yield found
    if found.process is not None and found.process.poll() is None:
        found.end(signal.SIGKILL)


@pytest.fixture
def driver(agent_node: Node, real_node: RealNode) -> Iterator[QemuDriver]:
    """Looks over the agent's shoulder, and cleans up after it."""
    storage = agent_node.folder / "storage"
    places = Places(storage / "guests", real_node.places.images, storage / "cache", storage / "volumes")
    found = QemuDriver(real_node.uri, real_node.machine, places, SystemClock())
    yield found
    for guest in found.guests():
        found.stop(guest.contract)
        found.remove(guest.contract)
    found.close()


def test_a_contract_becomes_one_guest_that_is_reached_although_agent_and_libvirtd_are_killed(
    agent_node: Node, nats_server: Nats, node: str, driver: QemuDriver, real_node: RealNode
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats, READY_SECONDS)
            start = agent_node.clock.minute()
            await side.allocate(Allocation(CONTRACT, 1, "run", start, start + 24 * HOUR, SMALL))
            while not (await side.command("sync", Sync({CONTRACT: 1}))).ok:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.05)
            await eventually(lambda: "running" in side.states(CONTRACT), READY_SECONDS)
            agent_node.end(signal.SIGKILL)
            [booting] = driver.guests()
            os.kill(_libvirtd(real_node), signal.SIGKILL)
            agent_node.start()
            await eventually(lambda: "ready" in side.states(CONTRACT), READY_SECONDS)
            [ready] = await _guests(driver)
            assert ready.instance == booting.instance
            [told] = [status for status in side.statuses if status.state == "ready"]
            assert told.endpoints == ready.endpoints
            [page] = [endpoint for endpoint in told.endpoints if endpoint.service == "http"]
            async with httpx.AsyncClient(timeout=30.0, trust_env=False) as browser:
                assert CONTRACT in (await browser.get(f"http://{page.address}:{page.port}/")).text
            await side.allocate(Allocation(CONTRACT, 2, "gone", start, start + 24 * HOUR, SMALL))
            await eventually(lambda: "removed" in side.states(CONTRACT), READY_SECONDS)
        assert driver.guests() == ()
        assert list((agent_node.folder / "storage" / "guests").iterdir()) == []
        once = list(dict.fromkeys(side.states(CONTRACT)))  # a killed agent may tell something twice
        assert once == ["accepted", "preparing", "starting", "running", "ready", "stopping", "removed"]

    asyncio.run(story())


async def _guests(driver: QemuDriver) -> tuple[Guest, ...]:
    """As soon as libvirtd is back."""
    while True:
        try:
            return driver.guests()
        except Unavailable:
            await asyncio.sleep(0.05)


def _libvirtd(real_node: RealNode) -> int:
    """The process id of the daemon, which is somewhere under the process that made its namespaces."""
    family = [real_node.supervisor.pid("libvirtd-node")]
    for pid in family:
        if Path(f"/proc/{pid}/comm").read_text().strip() == "libvirtd":
            return pid
        family.extend(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    raise AssertionError("libvirtd does not run")
