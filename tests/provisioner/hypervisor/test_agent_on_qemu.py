"""An agent and its real guests, while one after the other of what they stand on is killed. A market minute lasts a
second."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import libvirt
import pytest

from common.agent_commands import Sync
from common.clock import ClockAnchor, MarketClock, SystemClock
from common.ids import new_id
from common.wire import Allocation
from nestex.stack.nats import start_nats
from nestex.stack.supervisor import Supervisor
from provisioner.hypervisor.port import Guest
from provisioner.hypervisor.qemu_driver import Places, QemuDriver
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Market, Nats, eventually, market
from tests.provisioner.hypervisor.real_node import READY_SECONDS, SMALL, RealNode, libvirtd_of, qemu_of

GUESTS = 2
HOURS = 24 * 60
CUT_MINUTES = 10
SHORT = 12
FOREIGN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"""


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


@pytest.fixture
def foreign(real_node: RealNode) -> Iterator[str]:
    """Somebody else's domain, which has but a name like ours; it stands still."""
    name = new_contract()
    with _libvirt(real_node) as connection:
        connection.createXML(FOREIGN.format(name=name), libvirt.VIR_DOMAIN_START_PAUSED)
    yield name
    with _libvirt(real_node) as connection:
        connection.lookupByName(name).destroy()


@contextmanager
def _libvirt(real_node: RealNode) -> Iterator[libvirt.virConnect]:
    """One that no libvirtd of before has."""
    connection = libvirt.open(real_node.uri)
    try:
        yield connection
    finally:
        connection.close()


def new_contract() -> str:
    """Cgroups are named after it, and other runs have theirs."""
    return new_id("con", SystemClock().wall_micros() // 1000)


async def synced(side: Market, wanted: Allocation) -> None:
    """An agent that holds the contract, and knows that it holds all."""
    await eventually(lambda: side.beats, READY_SECONDS)
    await side.allocate(wanted)
    while not (await side.command("sync", Sync({wanted.contract: wanted.revision}))).ok:  # noqa: ASYNC110  the agent is another process
        await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Stage:
    """Agent, hypervisor, and two contracts: one that goes on for hours, and one that comes and goes while nobody can be
    reached."""

    agent: Node
    driver: QemuDriver
    node: str
    real: RealNode
    longer: str
    short: str

    def guest(self, contract: str) -> Guest | None:
        """As the hypervisor has it."""
        return next((guest for guest in self.driver.guests() if guest.contract == contract), None)


def test_guests_go_on_start_and_end_on_time_whatever_is_killed_and_every_minute_is_told_once(
    agent_node: Node,
    nats_supervisor: Supervisor,
    node: str,
    driver: QemuDriver,
    real_node: RealNode,
    foreign: str,
) -> None:
    server, alien = Nats(*start_nats(nats_supervisor, durable=False)), qemu_of(foreign)
    stage = Stage(agent_node, driver, node, real_node, new_contract(), new_contract())
    agent_node.enrolled(server, node)
    agent_node.start()
    wanted, ready_ms = asyncio.run(_boots_while_agent_and_libvirtd_die(stage, server))
    short = asyncio.run(_scheduled(stage, server))
    os.kill(nats_supervisor.pid("nats"), signal.SIGKILL)
    asyncio.run(_cut_off(stage, short, agent_node.clock.minute() + CUT_MINUTES))
    nats_supervisor.watch(2.0)  # which starts it again
    asyncio.run(_back(stage, server, wanted, short, ready_ms))
    asyncio.run(_loses_its_qemu(stage, server, wanted))
    assert qemu_of(foreign) == alien


async def _boots_while_agent_and_libvirtd_die(stage: Stage, server: Nats) -> tuple[Allocation, int]:
    """What was allocated, and when its guest was ready."""
    async with market(server, stage.node) as side:
        start = stage.agent.clock.minute()
        wanted = Allocation(stage.longer, 1, "run", start, start + HOURS, SMALL)
        await synced(side, wanted)
        await eventually(lambda: "running" in side.states(stage.longer), READY_SECONDS)
        stage.agent.end(signal.SIGKILL)
        [booting] = stage.driver.guests()
        os.kill(libvirtd_of(stage.real.supervisor), signal.SIGKILL)
        stage.agent.start()
        await eventually(lambda: "ready" in side.states(stage.longer), READY_SECONDS)
        ready = stage.guest(stage.longer)
        assert ready is not None
        assert ready.instance == booting.instance
        [told] = [status for status in side.statuses if status.state == "ready"]
        assert told.endpoints == ready.endpoints
        [page] = [endpoint for endpoint in told.endpoints if endpoint.service == "http"]
        async with httpx.AsyncClient(timeout=30.0, trust_env=False) as browser:
            assert stage.longer in (await browser.get(f"http://{page.address}:{page.port}/")).text
        return wanted, told.at_ms


async def _scheduled(stage: Stage, server: Nats) -> Allocation:
    async with market(server, stage.node) as side:
        start = stage.agent.clock.minute() + 3
        wanted = Allocation(stage.short, 1, "run", start, start + SHORT, SMALL)
        await side.allocate(wanted)
        await eventually(lambda: "preparing" in side.states(stage.short), READY_SECONDS)
        return wanted


async def _cut_off(stage: Stage, short: Allocation, until: int) -> None:
    before = stage.guest(stage.longer)
    await stage.agent.minute(short.start)
    await eventually(lambda: (guest := stage.guest(stage.short)) and guest.instance, READY_SECONDS)
    assert stage.agent.clock.minute() >= short.start
    await stage.agent.minute(short.end)
    await eventually(lambda: stage.guest(stage.short) is None, READY_SECONDS)
    await stage.agent.minute(until)
    assert stage.guest(stage.longer) == before


async def _back(stage: Stage, server: Nats, wanted: Allocation, short: Allocation, ready_ms: int) -> None:
    """All is told, and an agent that is replaced by its next version disturbs nobody."""
    async with market(server, stage.node, from_the_beginning=True) as side:
        now, before = stage.agent.clock.minute(), stage.guest(stage.longer)
        await eventually(lambda: "removed" in side.states(stage.short), READY_SECONDS)
        assert side.states(stage.short).count("starting") == 1
        await eventually(lambda: now in side.seconds(stage.longer), READY_SECONDS)
        assert list(side.seconds(stage.short)) == list(range(short.start, short.end))
        told = side.seconds(stage.longer)
        assert list(told) == list(range(min(told), max(told) + 1))
        assert min(told) <= ready_ms // 60_000
        whole = [seconds for minute, seconds in told.items() if minute > ready_ms // 60_000]
        assert set(whole) == {60}
        assert stage.agent.end(signal.SIGTERM) == 0
        assert stage.guest(stage.longer) == before
        stage.agent.start()
        beats = len(side.beats)
        await eventually(lambda: len(side.beats) > beats, READY_SECONDS)
        assert stage.guest(stage.longer) == before


async def _loses_its_qemu(stage: Stage, server: Nats, wanted: Allocation) -> None:
    """As where the machine has no memory left and the kernel takes one process."""
    async with market(server, stage.node) as side:
        before = stage.guest(stage.longer)
        assert before is not None
        os.kill(qemu_of(stage.longer), signal.SIGKILL)
        await eventually(lambda: side.states(stage.longer)[-1:] == ["ready"], READY_SECONDS)
        [after] = stage.driver.guests()
        assert after.instance != before.instance
        at_ms = {status.state: status.at_ms for status in side.statuses if status.contract == stage.longer}
        minutes = range(at_ms["crashed"] // 60_000 - 1, at_ms["ready"] // 60_000 + 2)
        await eventually(lambda: minutes[-1] in side.seconds(stage.longer), READY_SECONDS)
        down = (at_ms["ready"] - at_ms["crashed"]) // 1000
        assert sum(map(side.seconds(stage.longer).__getitem__, minutes)) <= 60 * len(minutes) - down
        assert side.seconds(stage.longer)[minutes[-1]] == 60
        await side.allocate(Allocation(stage.longer, 2, "gone", wanted.start, wanted.end, SMALL))
        await eventually(lambda: "removed" in side.states(stage.longer), READY_SECONDS)
    assert stage.driver.guests() == ()
    assert list((stage.agent.folder / "storage" / "guests").iterdir()) == []
