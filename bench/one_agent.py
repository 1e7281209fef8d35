"""One agent as a process, on a bus and a hypervisor of its own: what a market would say to it, and what it answers."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
from nats.aio.msg import Msg

from common import codec, subjects
from common.clock import ClockAnchor, MarketClock, SystemClock
from common.enrolment import EnrolAnswer
from common.ids import new_id
from common.wire import Allocation, GuestStatus
from nestex.stack.folder import DataFolder
from nestex.stack.libvirtd import start_libvirtd
from nestex.stack.nats import start_nats
from nestex.stack.stack import discard
from nestex.stack.supervisor import Child, Supervisor
from provisioner.identity import ANSWER_FILE, SEED_FILE, public_key
from runtime.agent_access import SERVER_CREDENTIALS, Authority
from runtime.bus import ensure_allocation_consumer, ensure_streams
from runtime.nats_jwt import new_seed

_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Agent:
    """A node's agent: its process, its folder, the libvirt URI of its hypervisor, and its market's bus and clock."""

    node: str
    pid: int
    folder: Path
    libvirt_uri: str
    supervisor: Supervisor
    bus: str
    credentials: Path
    clock: MarketClock

    def stop(self) -> None:
        """End it; its guests go on."""
        self.supervisor.stop("agent")

    def resident_mib(self) -> float:
        """What the process has in memory."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@dataclass
class Market:
    """The market's side of the bus."""

    jetstream: nats.js.JetStreamContext
    node: str
    ready: set[str] = field(default_factory=set)
    beats: int = 0

    async def allocate(self, wanted: Sequence[Allocation]) -> None:
        """Publish desired state, as the relay does: not one after the other."""
        for each in wanted:
            await self.jetstream.publish_async(subjects.allocation(self.node, each.contract), codec.encode(each))
        await self.jetstream.publish_async_completed()

    async def until_ready(self, guests: int) -> None:
        """Wait until so many guests were said to be ready."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.ready) < guests:  # noqa: ASYNC110  the agent is another process
                await asyncio.sleep(0.005)

    async def until_it_lives(self) -> None:
        """Wait for a heartbeat."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not self.beats:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.005)

    async def hear(self, message: Msg) -> None:
        """A status or a heartbeat."""
        if message.subject == subjects.heartbeat(self.node):
            self.beats += 1
        elif (status := codec.decode(GuestStatus, message.data)).state == "ready":
            self.ready.add(status.contract)


@contextmanager
def agent_on_test_driver(capacity: tuple[int, int, int]) -> Iterator[Agent]:
    """Enrolled, and just started. Its market's clock runs at the speed of real time."""
    path, real = Path(tempfile.mkdtemp(prefix="nestex-bench-")), SystemClock()
    anchor = ClockAnchor(real.wall_micros(), real.wall_micros())
    try:
        with DataFolder.hold(path) as held, Supervisor(held, real) as supervisor:
            url, home = start_nats(supervisor)
            uri, node, folder = start_libvirtd(supervisor, "bench"), new_id("nod", 0), held.subfolder("agent")
            _enrol(folder, node, url, home, anchor)
            asyncio.run(_prepare_bus(url, home / SERVER_CREDENTIALS, node))
            environment = dict(os.environ) | {
                "NESTEX_AGENT_MARKET_URL": "http://127.0.0.1:1",
                "NESTEX_AGENT_DATA": str(folder),
                "NESTEX_AGENT_LIBVIRT_URI": uri,
                "NESTEX_AGENT_CAPACITY": ",".join(map(str, capacity)),
            }
            pid = supervisor.start(Child("agent", (sys.executable, "-m", "nestex", "agent"), environment))
            clock = MarketClock(anchor, real)
            yield Agent(node, pid, folder, uri, supervisor, url, home / SERVER_CREDENTIALS, clock)
    finally:
        discard(path)


@asynccontextmanager
async def market_of(agent: Agent) -> AsyncIterator[Market]:
    """Hears all that the agent says of guests from now on."""
    client = await nats.connect(agent.bus, user_credentials=str(agent.credentials))
    try:
        side = Market(client.jetstream(), agent.node)
        await client.subscribe(subjects.status(agent.node, ">"), cb=side.hear)
        await client.flush()
        yield side
    finally:
        await client.close()


def _enrol(folder: Path, node: str, url: str, home: Path, anchor: ClockAnchor) -> None:
    """What the market would have answered to its enrolment."""
    seed = new_seed("user")
    jwt = Authority.load(home).agents.agent_jwt(node, public_key(seed), issued_at=0)
    answer = EnrolAnswer(node, jwt, (url,), anchor.wall_micros, anchor.market_micros, anchor.speed)
    (folder / SEED_FILE).write_text(seed)
    (folder / ANSWER_FILE).write_bytes(codec.encode(answer))


async def _prepare_bus(url: str, credentials: Path, node: str) -> None:
    client = await nats.connect(url, user_credentials=str(credentials))
    await ensure_streams(client.jetstream())
    await ensure_allocation_consumer(client.jetstream(), node)
    await client.close()
