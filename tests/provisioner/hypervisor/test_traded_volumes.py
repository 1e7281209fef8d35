"""Volumes that are contracts of their own, on real guests: what the guests themselves see of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from common.agent_commands import Sync
from common.clock import SystemClock
from common.ids import new_id
from common.questions import GuestAnswer, Question
from common.wire import Allocation, Extras, GuestSpec
from provisioner.hypervisor.port import Volume
from provisioner.hypervisor.qemu_driver import QemuDriver
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Market, Nats, eventually, market
from tests.provisioner.hypervisor.real_node import READY_SECONDS, SMALL, RealNode
from tests.provisioner.hypervisor.test_agent_on_qemu import agent_node, driver
from tests.provisioner.hypervisor.test_commands_on_qemu import Buyer

__all__ = ["agent_node", "driver"]  # fixtures

GIB = 2**30
DAY = 24 * 60
DATA = GuestSpec("data", 0, 0, 1, "", filesystem="ext4")
_MOUNT = 'd=$(grep -l "^data$" /sys/block/vd*/serial | cut -d / -f 4); mkdir -p /vol; mount -t ext4 /dev/$d /vol'


def _id() -> str:
    return new_id("con", SystemClock().wall_micros() // 1000)


async def _wanted(side: Market, *allocations: Allocation) -> None:
    """Send them, and wait until each is as it is wanted."""
    for each in allocations:
        await side.allocate(each)
    async with asyncio.timeout(READY_SECONDS):
        for each in allocations:
            while not await _is_settled(side, each):  # noqa: ASYNC110  the agent is another process
                await asyncio.sleep(0.05)


async def _is_settled(side: Market, wanted: Allocation) -> bool:
    told = await side.ask("guest", Question(wanted.contract), GuestAnswer)
    return told.ok and told.revision == wanted.revision and told.settled


def _next(before: Allocation, **changes: Any) -> Allocation:
    return replace(before, revision=before.revision + 1, **changes)


def test_a_volume_is_a_disk_of_its_guest_outlives_it_and_keeps_what_was_written_for_the_next_one(
    agent_node: Node, nats_server: Nats, node: str, driver: QemuDriver, real_node: RealNode
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats, READY_SECONDS)
            start = agent_node.clock.minute()
            first, second = (Allocation(_id(), 1, "run", start, start + DAY, SMALL) for _ in range(2))
            here = Extras(attached_to=first.contract)
            volume = Allocation(_id(), 1, "run", start, start + DAY, DATA, here, kind="volume")
            await side.command("sync", Sync({}))
            await _wanted(side, first, volume)
            await _is_used(Buyer(side, real_node.uri, first), driver, volume)
            await _wanted(side, _next(first, want="gone"))
            assert driver.volumes() == (Volume(volume.contract, 1),)
            volume = _next(volume, extras=Extras(attached_to=second.contract))
            await _wanted(side, second, volume)
            volume = await _is_found(Buyer(side, real_node.uri, second), side, volume)
            await _is_taken_away(Buyer(side, real_node.uri, second), driver, volume)
        assert driver.volumes() == ()

    asyncio.run(story())


async def _is_used(buyer: Buyer, driver: QemuDriver, volume: Allocation) -> None:
    await buyer.sees_that(lambda told: told["disks"].get("data") == GIB)
    assert driver.volumes() == (Volume(volume.contract, 1, buyer.wanted.contract),)
    assert await buyer.runs(f"{_MOUNT} && echo kept > /vol/file && ls -1 /vol") == "file\nlost+found"


async def _is_found(buyer: Buyer, side: Market, volume: Allocation) -> Allocation:
    """By the next guest, without anybody having written it out; then it grows, while it is in use."""
    assert await buyer.runs(f"{_MOUNT} && cat /vol/file") == "kept"
    larger = _next(volume, guest=replace(DATA, disk_gib=2))
    await _wanted(side, larger)
    await buyer.sees_that(lambda told: told["disks"].get("data") == 2 * GIB)
    return larger


async def _is_taken_away(buyer: Buyer, driver: QemuDriver, volume: Allocation) -> None:
    """At its end, also from a guest that does not let go of it: one that is paused."""
    await buyer.want("paused", want="paused")
    await buyer.side.allocate(_next(volume, want="gone"))
    await eventually(lambda: "removed" in buyer.side.states(volume.contract), READY_SECONDS)
    assert driver.volumes() == ()
    await buyer.want(want="run")
    await buyer.sees_that(lambda told: not told["disks"].get("data"))
    await buyer.runs("umount -l /vol")  # which the kernel has complaints about
    assert await buyer.runs("dmesg -n 1; cat /data/boots") == "1"
    await buyer.want("removed", want="gone")


def test_an_agent_that_dies_at_each_step_of_a_volumes_life_leaves_one_volume_and_then_none(
    agent_node: Node, nats_server: Nats, node: str, driver: QemuDriver
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats, READY_SECONDS)
            now = agent_node.clock.minute()
            guest = Allocation(_id(), 1, "run", now + DAY, now + 2 * DAY, SMALL)  # defined, and never started
            await side.allocate(guest)
            wanted = Extras(attached_to=guest.contract)
            volume = Allocation(_id(), 1, "run", now, now + DAY, DATA, wanted, kind="volume")
            agent_node.arm("volume.created")
            await side.allocate(volume)
            await _dies(agent_node, "volume.fitted")
            await _dies(agent_node, "agent.noted")
            await _dies(agent_node)
            await eventually(lambda: any(status.applied for status in side.statuses), READY_SECONDS)
            assert driver.volumes() == (Volume(volume.contract, 1, guest.contract),)
            agent_node.arm("volume.removed")
            await side.allocate(_next(volume, want="gone"))
            await _dies(agent_node)
            await eventually(lambda: "removed" in side.states(volume.contract), READY_SECONDS)
            assert driver.volumes() == ()

    asyncio.run(story())


async def _dies(agent_node: Node, at: str = "") -> None:
    """It did; the next one is to die at another point, if one is named."""
    await agent_node.died()
    if at:
        agent_node.arm(at)
    agent_node.start()
