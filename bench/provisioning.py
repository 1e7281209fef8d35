"""An agent with a thousand guests on libvirt's test driver: a burst of allocations, reconciling, memory.

Baseline of the burst: the same domains, but for our mark, defined and started through libvirt's Python binding by a
loop that does nothing else, on a libvirtd of its own. What single guests take from their trade on: `bench.guests`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from statistics import median

import libvirt

from bench.one_agent import Agent, agent_on_test_driver, market_of
from bench.processor_time import own_seconds, seconds_of
from common.clock import SystemClock
from common.ids import new_id
from common.wire import Allocation, Capacity, GuestSpec
from nestex.stack.libvirtd import start_libvirtd
from provisioner import lives
from provisioner.blocking import Blocking
from provisioner.hypervisor.domain_xml import Mark, domain_xml
from provisioner.hypervisor.libvirt_connection import start_event_loop
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from provisioner.loop import ReconcileLoop
from provisioner.store import Store
from provisioner.sync import Agreement

GUESTS = 1000
_WINDOW_MINUTES = 10_000
_REST_SECONDS = 60.0
_LOOKS = 7
_SPEC = GuestSpec("web", vcpus=1, memory_mib=128, disk_gib=1, image="default")
_CAPACITY = Capacity(2 * GUESTS, 256 * GUESTS, 2 * GUESTS)


def run() -> Iterator[str]:
    """Lines of the report."""
    start_event_loop()  # before the first connection of the process, which is the supervisor's
    yield f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    with agent_on_test_driver((_CAPACITY.vcpus, _CAPACITY.memory_mib, _CAPACITY.disk_gib)) as agent:
        yield from asyncio.run(_lived(agent))
        agent.stop()
        yield from asyncio.run(_looks(agent))


async def _lived(agent: Agent) -> list[str]:
    clock = SystemClock()
    async with market_of(agent) as side:
        await side.until_it_lives()
        idle_mib, direct = agent.resident_mib(), _direct(agent)
        now = agent.clock.minute()
        wanted = [Allocation(new_id("con", 0), 1, "run", now, now + _WINDOW_MINUTES, _SPEC) for _ in range(GUESTS)]
        used, began = seconds_of(agent.pid), clock.monotonic()
        await side.allocate(wanted)
        published = clock.monotonic() - began
        await side.until_ready(GUESTS)
        seconds, used = clock.monotonic() - began, seconds_of(agent.pid) - used
        resting = seconds_of(agent.pid)
        await asyncio.sleep(_REST_SECONDS)
        resting = seconds_of(agent.pid) - resting
        return [
            f"a burst of {GUESTS} allocations: all ready after {seconds:.1f} s (published in {published:.1f} s), "
            f"{used:.1f} s of the agent's processor time",
            f"the same domains directly: {direct:.1f} s; the burst takes {seconds / direct:.1f} times as long",
            f"memory: {idle_mib:.0f} MiB idle, {agent.resident_mib():.0f} MiB with {GUESTS} guests",
            f"at rest with {GUESTS} guests: {resting / _REST_SECONDS:.1%} of a processor",
        ]


def _direct(agent: Agent) -> float:
    """Seconds for as many domains."""
    clock, connection = SystemClock(), libvirt.open(start_libvirtd(agent.supervisor, "direct"))
    texts = [domain_xml("test", Mark(new_id("con", 0), 1, "", _SPEC)) for _ in range(GUESTS)]
    began = clock.monotonic()
    for text in map(_unmarked, texts):
        connection.defineXML(text).create()
    seconds = clock.monotonic() - began
    connection.close()
    return seconds


def _unmarked(definition: str) -> str:
    before, _, rest = definition.partition("<metadata>")
    return before + rest.partition("</metadata>")[2]


async def _looks(agent: Agent) -> list[str]:
    """The loop by itself, over the file that the agent has left."""
    storage, hypervisor = Blocking("store"), Blocking("hypervisor")
    store = await storage(Store, agent.folder / "agent.sqlite", agent.node)
    await storage(lives.begin, store, agent.clock.minute())
    driver = LibvirtDriver(agent.libvirt_uri)
    loop = ReconcileLoop(
        store,
        driver,
        Agreement(storage, store, lambda: None),
        storage=storage,
        hypervisor=hypervisor,
        clock=agent.clock,
        capacity=_CAPACITY,
        told=lambda: None,
    )
    clock, elapsed, used = SystemClock(), [], []
    for _ in range(_LOOKS):
        began, before = clock.monotonic(), own_seconds()
        assert not await loop.step(), "there is nothing to do"
        elapsed.append(clock.monotonic() - began)
        used.append(own_seconds() - before)
    await storage(store.close)
    await hypervisor(driver.close)
    storage.close()
    hypervisor.close()
    return [
        f"reconciling {GUESTS} guests that are as they should be: {median(elapsed) * 1000:.0f} ms, "
        f"{median(used) * 1000:.0f} ms of the agent's processor time"
    ]
