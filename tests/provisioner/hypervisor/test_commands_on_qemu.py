"""A buyer's commands, through the agent, to a real guest: what the guest itself sees of them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from common.agent_commands import Sync
from common.clock import SystemClock
from common.ids import new_id
from common.questions import ConsoleAnswer, GuestAnswer, NodeAnswer, Question, SnapshotsAnswer
from common.wire import Allocation, DataDisk, Extras
from provisioner.hypervisor.qemu_driver import QemuDriver
from provisioner.hypervisor.seed import READY
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Market, Nats, eventually, market
from tests.provisioner.hypervisor.real_node import READY_SECONDS, SMALL, Inside, RealNode
from tests.provisioner.hypervisor.test_agent_on_qemu import agent_node, driver

__all__ = ["agent_node", "driver"]  # fixtures

GIB = 2**30
HOUR = 60
DATA = DataDisk("data", 1, "ext4")


def _contract() -> str:
    """Cgroups are named after it, and other runs have theirs."""
    return new_id("con", SystemClock().wall_micros() // 1000)


async def _synced(side: Market, wanted: Allocation) -> None:
    await eventually(lambda: side.beats, READY_SECONDS)
    await side.allocate(wanted)
    while not (await side.command("sync", Sync({wanted.contract: wanted.revision}))).ok:  # noqa: ASYNC110  the agent is another process
        await asyncio.sleep(0.05)


async def _settled(side: Market, wanted: Allocation, state: str) -> GuestAnswer:
    """The guest, when its agent says that it is as wanted."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            told = await side.ask("guest", Question(wanted.contract), GuestAnswer)
            if told.revision == wanted.revision and told.settled:
                assert told.state == state
                return told
            await asyncio.sleep(0.05)


class Buyer:
    """Wants things of one guest, one revision after the other, and looks at it from inside."""

    def __init__(self, side: Market, uri: str, wanted: Allocation) -> None:
        self.side = side
        self.wanted = wanted
        self._uri = uri

    async def want(self, state: str = "ready", **changes: Any) -> GuestAnswer:
        """The guest, when it is as it is wanted now."""
        self.wanted = replace(self.wanted, revision=self.wanted.revision + 1, **changes)
        await self.side.allocate(self.wanted)
        return await _settled(self.side, self.wanted, state)

    async def sees(self) -> dict[str, Any]:
        """What the guest says that it has."""
        with closing(Inside(self._uri, self.wanted.contract)) as console:
            return await asyncio.to_thread(console.report)

    async def sees_that(self, holds: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until it does: a guest takes its time to notice what was plugged in."""
        async with asyncio.timeout(READY_SECONDS):
            while not holds(await self.sees()):  # noqa: ASYNC110  the guest is another machine
                await asyncio.sleep(0.1)

    async def runs(self, command: str) -> str:
        """What a command writes inside."""
        with closing(Inside(self._uri, self.wanted.contract)) as console:
            return await asyncio.to_thread(console.run, command)


def test_what_a_buyer_asks_for_is_what_the_guest_itself_sees(
    agent_node: Node, nats_server: Nats, node: str, driver: QemuDriver, real_node: RealNode
) -> None:
    contract = _contract()

    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            start = agent_node.clock.minute()
            buyer = Buyer(side, real_node.uri, Allocation(contract, 1, "run", start, start + 24 * HOUR, SMALL))
            await _synced(side, buyer.wanted)
            await _settled(side, buyer.wanted, "ready")
            extras = await _changed(buyer)
            await _paused_and_taken_back(buyer, driver, extras)
            await _off_from_within(buyer)
            told = await side.ask("node", Question(), NodeAnswer)
            assert (told.hypervisor, told.guests) == ("QEMU", {contract: "ready"})
            assert READY in (await side.ask("console", Question(contract), ConsoleAnswer)).text
            await buyer.want("removed", want="gone")
        assert (driver.guests(), driver.volumes()) == ((), ())

    asyncio.run(story())


async def _changed(buyer: Buyer) -> Extras:
    """Its size and its devices, while it runs."""
    before = await buyer.sees()
    await buyer.runs("echo old > /data/file; sync")
    extras = Extras(adapters=("eth1",), volumes=(DATA,), snapshots=("before",))
    smaller = replace(SMALL, vcpus=2, memory_mib=96, cpu_percent=50)
    told = await buyer.want(guest=smaller, extras=extras)
    outcomes = {answer.field: answer.outcome for answer in told.answers}
    assert outcomes == dict.fromkeys(("vcpus", "memory_mib", "cpu_percent"), "live")
    await eventually(lambda: "rescaling" in buyer.side.states(buyer.wanted.contract))
    await buyer.sees_that(lambda told: told["memory_kib"] < before["memory_kib"] - 30 * 1024)
    await buyer.sees_that(lambda told: told["vcpus"] == 2)
    await buyer.sees_that(lambda told: list(told["adapters"]) == ["eth0", "eth1"])
    await buyer.sees_that(lambda told: told["disks"].get("data") == GIB)
    listed = await buyer.side.ask("snapshots", Question(buyer.wanted.contract), SnapshotsAnswer)
    assert [kept.name for kept in listed.snapshots] == ["before"]
    return extras


async def _paused_and_taken_back(buyer: Buyer, driver: QemuDriver, extras: Extras) -> None:
    await buyer.runs("echo new > /data/file; sync")
    [running] = driver.guests()
    await buyer.want("paused", want="paused")
    [paused] = driver.guests()
    assert (paused.paused, paused.instance) == (True, running.instance)
    await buyer.want(want="run")
    assert (await buyer.sees())["boots"] == 1
    larger = replace(DATA, size_gib=2)
    extras = replace(extras, adapters=(), volumes=(larger,), revert_to="before", reverts=1)
    await buyer.want(guest=replace(SMALL, vcpus=2), extras=extras)
    assert await buyer.runs("cat /data/file") == "old"
    await buyer.sees_that(lambda told: list(told["adapters"]) == ["eth0"])
    await buyer.sees_that(lambda told: told["disks"].get("data") == 2 * GIB)


async def _off_from_within(buyer: Buyer) -> None:
    """It stays off until it is started. From outside: tests/reliability/test_real_guest.py."""
    boots = (await buyer.sees())["boots"]
    await buyer.runs("(sleep 1; umount /data; poweroff -f) & echo down")
    await eventually(lambda: buyer.side.states(buyer.wanted.contract)[-1] == "stopped", READY_SECONDS)
    await buyer.want(extras=replace(buyer.wanted.extras, starts=1))
    assert (await buyer.sees())["boots"] == boots + 1


def test_an_agent_that_dies_at_each_step_of_a_guests_life_leaves_one_guest_and_then_none(
    agent_node: Node, nats_server: Nats, node: str, driver: QemuDriver
) -> None:
    contract = _contract()

    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            now = agent_node.clock.minute()
            ahead = Allocation(contract, 1, "run", now + 24 * HOUR, now + 48 * HOUR, SMALL)
            await eventually(lambda: side.beats, READY_SECONDS)
            await _dies_at(agent_node, side, ahead, "agent.stored", "guest.defined", "agent.noted")
            await eventually(lambda: "preparing" in side.states(contract), READY_SECONDS)
            within = replace(ahead, revision=2, start=now)
            await _dies_at(agent_node, side, within, "agent.acknowledged", "guest.started")
            first = driver.guests()[0].instance
            await eventually(lambda: "ready" in side.states(contract), READY_SECONDS)
            extras = Extras(volumes=(DATA,), adapters=("eth1",))
            await _dies_at(agent_node, side, replace(within, revision=3, extras=extras), "guest.adapted")
            await eventually(lambda: max(status.applied for status in side.statuses) == 3, READY_SECONDS)
            assert [guest.instance for guest in driver.guests()] == [first]
            assert [volume.guest for volume in driver.volumes()] == [contract]
            await _dies_at(agent_node, side, replace(within, revision=4, want="gone"), "guest.stopped", "guest.removed")
            await eventually(lambda: "removed" in side.states(contract), READY_SECONDS)
            assert (driver.guests(), driver.volumes()) == ((), ())
            assert agent_node.end(signal.SIGTERM) == 0

    asyncio.run(story())


async def _dies_at(agent_node: Node, side: Market, wanted: Allocation, *points: str) -> None:
    """At one after the other; the last agent lives."""
    agent_node.arm(points[0])
    await side.allocate(wanted)
    for point in points[1:]:
        await agent_node.died()
        agent_node.arm(point)
        agent_node.start()
    await agent_node.died()
    agent_node.start()
