"""The disk of the agent's file is full for a while: by a limit on the size of files, which SQLite meets alike."""

from __future__ import annotations

import asyncio
import resource

from common.agent_commands import Sync, Watermark
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Nats, eventually, market
from tests.provisioner.factories import allocation, contract
from tests.provisioner.test_agent import agent_node

__all__ = ["agent_node"]

MINUTES = 10
ROOM_FOR_THE_LOG = 16_384


def _limit(node: Node, room: int) -> None:
    assert node.process is not None
    _soft, hard = resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (room, hard))


def test_guests_live_and_end_while_the_agent_can_store_nothing_and_no_second_is_lost(
    agent_node: Node, nats_server: Nats, node: str, driver: LibvirtDriver
) -> None:
    log = agent_node.folder / "agent.log"

    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats)
            start = agent_node.clock.minute() + 2
            await side.allocate(allocation(start, start + MINUTES))
            await side.command("sync", Sync({contract(): 1}))
            await eventually(lambda: start in side.seconds(contract()))

            _limit(agent_node, log.stat().st_size + ROOM_FOR_THE_LOG)
            await eventually(lambda: "cannot be written" in log.read_text())
            await side.allocate(allocation(start, start + 2 * MINUTES, number=2))
            answer = await side.command("watermark", Watermark(1, side.reports[0].life))
            assert "cannot be written" in answer.reason
            assert driver.guests()[0].up
            await agent_node.minute(start + MINUTES)
            await eventually(lambda: contract() not in {guest.contract for guest in driver.guests()})
            assert agent_node.process is not None
            assert agent_node.process.poll() is None

            _limit(agent_node, resource.RLIM_INFINITY)
            await eventually(lambda: start + MINUTES - 1 in side.seconds(contract()))
            [ready_ms] = [s.at_ms for s in side.statuses if (s.contract, s.state) == (contract(), "ready")]
            expected = ((start + MINUTES) * 60_000 - ready_ms) / 1000
            assert abs(sum(side.seconds(contract()).values()) - expected) < 90  # until it was seen for the last time
            await eventually(lambda: "removed" in side.states(contract()))
            await eventually(lambda: "ready" in side.states(contract(2)))

    asyncio.run(story())
