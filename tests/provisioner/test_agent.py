"""The whole agent as a process, on a real nats-server and a real libvirtd. A market minute lasts a second."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from common import codec
from common.agent_commands import CommandAnswer, Resend, Sync, Watermark
from common.clock import ClockAnchor, MarketClock, SystemClock
from common.guest_states import GUEST_STATES
from common.wire import WIRE_VERSION, Capacity
from nestex.stack.nats import start_nats
from nestex.stack.supervisor import Supervisor
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Market, Nats, eventually, market
from tests.provisioner.factories import CAPACITY, allocation, contract

SPEED = 60
MINUTES = 8
WHOLE_LIFE = ["accepted", "preparing", "starting", "running", "ready", "stopping", "removed"]


@pytest.fixture
def agent_node(tmp_path: Path, libvirt_uri: str, driver: LibvirtDriver) -> Iterator[Node]:
    """A data folder without an enrolment; `driver` looks over the agent's shoulder and cleans up after it."""
    real = SystemClock()
    clock = MarketClock(ClockAnchor(real.wall_micros(), 1000 * 60_000_000, SPEED), real)
    folder = tmp_path / "agent"
    folder.mkdir()
    found = Node(folder, libvirt_uri, clock)
    yield found
    if found.process is not None and found.process.poll() is None:
        found.end(signal.SIGKILL)


async def _synced(side: Market, sync: Sync) -> None:
    await eventually(lambda: side.beats)
    while not (await side.command("sync", sync)).ok:  # noqa: ASYNC110  the agent is another process
        await asyncio.sleep(0.02)


def test_a_contract_lives_from_allocation_to_removal_although_its_agent_is_killed(
    agent_node: Node, nats_server: Nats, node: str, driver: LibvirtDriver
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats)
            start = agent_node.clock.minute() + 3
            await side.allocate(allocation(start, start + MINUTES))
            await _synced(side, Sync({contract(): 1}))
            await eventually(lambda: "preparing" in side.states(contract()))
            assert not driver.guests()[0].up
            await eventually(lambda: "ready" in side.states(contract()))
            assert agent_node.clock.minute() >= start
            before = driver.guests()

            await agent_node.minute(start + 2)
            assert agent_node.end(signal.SIGKILL) == -signal.SIGKILL
            await agent_node.minute(start + 4)
            agent_node.start()
            await agent_node.minute(start + 6)
            assert driver.guests() == before

            await eventually(lambda: "removed" in side.states(contract()))
            assert driver.guests() == ()
            assert side.states(contract()) == WHOLE_LIFE
            await eventually(lambda: start + MINUTES - 1 in side.seconds(contract()))
            _whole_window_is_delivered(side, start)
            assert agent_node.end(signal.SIGTERM) == 0

    asyncio.run(story())


def _whole_window_is_delivered(side: Market, start: int) -> None:
    """Every minute once, in order, and together exactly the time from `ready` to the window's end."""
    [ready_ms] = [status.at_ms for status in side.statuses if status.state == "ready"]
    seconds = side.seconds(contract())
    assert list(seconds) == list(range(start, start + MINUTES))
    assert sum(seconds.values()) == ((start + MINUTES) * 60_000 - ready_ms + 500) // 1000
    assert set(list(seconds.values())[1:]) == {60}
    for life in {report.life for report in side.reports}:
        of_life = [report for report in side.reports if report.life == life]
        sequences = sorted({report.sequence for report in of_life})
        assert sequences == list(range(1, len(sequences) + 1))
        assert len({codec.encode(report) for report in of_life}) == len(sequences)


def test_a_node_that_is_cut_off_ends_its_contracts_on_time_and_tells_it_later(
    agent_node: Node, nats_supervisor: Supervisor, node: str, driver: LibvirtDriver
) -> None:
    async def begin(server: Nats) -> int:
        async with market(server, node) as side:
            await eventually(lambda: side.beats)
            start = agent_node.clock.minute() + 2
            await side.allocate(allocation(start, start + 5))
            await _synced(side, Sync({contract(): 1}))
            await eventually(lambda: side.reports)  # published, and never confirmed: it will come again
            return start

    async def cut_off(start: int) -> None:
        await agent_node.minute(start + 4)
        assert driver.guests()[0].up
        await eventually(lambda: not driver.guests())
        assert agent_node.clock.minute() >= start + 5

    async def back(server: Nats, start: int) -> None:
        async with market(server, node) as side:
            await eventually(lambda: "removed" in side.states(contract()))
            await eventually(lambda: start + 4 in side.seconds(contract()))
            assert list(side.seconds(contract())) == list(range(start, start + 5))
            assert list(side.seconds(contract()).values())[1:] == [60, 60, 60, 60]
            [life] = {report.life for report in side.reports}
            await side.command("watermark", Watermark(5, life))
            assert (await side.command("resend", Resend(5, life))).ok is False

    server = Nats(*start_nats(nats_supervisor, durable=False))
    agent_node.enrolled(server, node)
    agent_node.start()
    start = asyncio.run(begin(server))
    nats_supervisor.stop("nats")
    asyncio.run(cut_off(start))
    assert Nats(*start_nats(nats_supervisor, durable=False)) == server
    asyncio.run(back(server, start))


def test_heartbeats_tell_what_is_held_and_whether_the_first_sync_is_done(
    agent_node: Node, nats_server: Nats, node: str
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            beat = (await eventually(lambda: side.beats))[0]
            assert (beat.node, beat.synced, beat.applied, beat.usage_sequence) == (node, False, {}, 0)
            assert beat.capacity == _cap(beat.capacity)
            lacking = await side.command("sync", Sync({contract(): 2}))
            assert lacking == CommandAnswer(False, f"waiting for {contract()}")
            await side.allocate(allocation(5000, 5010, revision=2))
            await eventually(lambda: side.beats[-1].synced)
            assert side.beats[-1].applied == {contract(): 2}
            assert side.beats[-1].life == beat.life > 0

    asyncio.run(story())


def _cap(capacity: Capacity) -> Capacity:
    """What the test declares for its agents, as far as this machine has it."""
    return Capacity(
        min(capacity.vcpus, CAPACITY.vcpus),
        min(capacity.memory_mib, CAPACITY.memory_mib),
        min(capacity.disk_gib, CAPACITY.disk_gib),
    )


def test_commands_that_make_no_sense_are_answered_with_the_reason(
    agent_node: Node, nats_server: Nats, node: str
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats)
            assert "dance" in (await side.command("dance", Watermark(1))).reason
            assert "revisions" in (await side.command("sync", Watermark(1))).reason

    asyncio.run(story())


def test_an_allocation_that_only_a_newer_agent_understands_is_left_to_that_and_harms_no_other(
    agent_node: Node, nats_server: Nats, node: str
) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            now = agent_node.clock.minute()
            known = allocation(now, now + 99)
            await side.allocate(replace(allocation(now, now + 99, number=2), version=WIRE_VERSION + 1))
            await side.allocate(known)
            await eventually(lambda: "accepted" in side.states(known.contract))
            assert side.states(contract(2)) == []
            assert "has to be upgraded" in agent_node.log()

    asyncio.run(story())


def test_orphans_are_swept_after_the_sync_and_foreign_domains_never(
    agent_node: Node, nats_server: Nats, node: str, driver: LibvirtDriver
) -> None:
    async def story() -> None:
        driver.ensure(contract(9), 4, allocation().guest, run=True)
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: len(side.beats) > 2)
            assert [guest.contract for guest in driver.guests()] == [contract(9)]
            await _synced(side, Sync({}))
            await eventually(lambda: side.states(contract(9)))
            assert [(status.state, status.revision) for status in side.statuses] == [("removed", 4)]
            assert driver.guests() == ()

    asyncio.run(story())


def test_two_agents_never_share_a_data_folder(agent_node: Node, nats_server: Nats, node: str) -> None:
    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            await eventually(lambda: side.beats)
            second = Node(agent_node.folder, agent_node.libvirt_uri, agent_node.clock)
            second.start()
            assert second.process is not None
            assert await asyncio.to_thread(second.process.wait, 10) == 1
            assert "another agent" in agent_node.log()

    asyncio.run(story())


def test_every_path_in_the_stories_is_one_of_the_table() -> None:
    assert all(GUEST_STATES.allows(old, new) for old, new in pairwise(WHOLE_LIFE))
