"""What an agent cannot have on its node ends with a reason, or waits until it can; nothing of it stays."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from common import codec
from common.wire import Allocation
from provisioner.hypervisor.qemu_driver import QemuDriver
from provisioner.images.manifest import read_manifest
from tests.provisioner.agent_process import Node
from tests.provisioner.bus import Market, Nats, eventually, market
from tests.provisioner.hypervisor.real_node import READY_SECONDS, SMALL, RealNode, libvirtd_of, little_memory
from tests.provisioner.hypervisor.test_agent_on_qemu import HOURS, agent_node, driver, new_contract, synced

__all__ = ["agent_node", "driver"]  # fixtures

BROKEN = "nestex-broken"
TOO_LARGE_MIB = 1536
REASONS = {
    "has no image nestex-none": replace(SMALL, image="nestex-none"),
    "nestex-broken-kernel has a wrong checksum": replace(SMALL, image=BROKEN),
    "of this node's pool has the checksum": replace(SMALL, image=f"nestex-l2@sha256:{'0' * 64}"),
    "the guest wants memory_mib": replace(SMALL, memory_mib=10**9),
    "Cannot allocate memory": replace(SMALL, memory_mib=TOO_LARGE_MIB),
}
"""What cannot be had, by what is said of it. The last fails when it is to start, the others before."""


@pytest.fixture
def full_cache(agent_node: Node) -> Iterator[Path]:
    """Where the agent keeps its images: a disk that is smaller than any of them."""
    cache = agent_node.folder / "storage" / "cache"
    cache.mkdir(parents=True)
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", "size=1m,mode=711", "tmpfs", cache], check=True)
    yield cache
    if cache.is_mount():
        subprocess.run(["/usr/bin/umount", "--lazy", cache], check=True)


@pytest.fixture
def broken_image(real_node: RealNode) -> Iterator[str]:
    """An image in the pool whose kernel is not what its description says."""
    pool = real_node.places.images
    known = read_manifest((pool / "nestex-l2.json").read_bytes())
    files = known.files | {"kernel": replace(known.files["kernel"], file="nestex-broken-kernel")}
    (pool / "nestex-broken-kernel").write_bytes(b"another kernel")
    (pool / f"{BROKEN}.json").write_bytes(codec.encode(replace(known, name=BROKEN, files=files)))
    yield BROKEN
    (pool / f"{BROKEN}.json").unlink()


def test_what_cannot_be_had_fails_with_its_reason_and_what_finds_no_room_waits_for_it(
    agent_node: Node,
    nats_server: Nats,
    node: str,
    driver: QemuDriver,
    broken_image: str,
    full_cache: Path,
    real_node: RealNode,
) -> None:
    failing = {new_contract(): reason for reason in REASONS}
    waiting = new_contract()

    async def story() -> None:
        agent_node.enrolled(nats_server, node)
        agent_node.start()
        async with market(nats_server, node) as side:
            now = agent_node.clock.minute()
            window = now + HOURS, now + 2 * HOURS
            await synced(side, Allocation(waiting, 1, "run", *window, SMALL))
            *at_once, starved = (
                Allocation(contract, 1, "run", now, now + HOURS, REASONS[reason])
                for contract, reason in failing.items()
            )
            for each in at_once:
                await side.allocate(each)
            await eventually(lambda: "No space left on device" in agent_node.log(), READY_SECONDS)
            await eventually(lambda: sum(status.state == "failed" for status in side.statuses) >= 3, READY_SECONDS)
            assert "preparing" not in side.states(waiting)
            await asyncio.to_thread(_make_room, full_cache)
            await side.allocate(starved)
            await eventually(lambda: "preparing" in side.states(waiting), READY_SECONDS)
            await eventually(partial(_all, side, failing, "failed"), READY_SECONDS)
            told = [status for status in side.statuses if status.state == "failed"]
            assert all(failing[status.contract] in status.reason for status in told), told
            assert [guest.instance for guest in driver.guests()] == ["", ""]
            await _nothing_is_left(side, failing, [*failing, waiting])
        assert (driver.guests(), list((agent_node.folder / "storage" / "guests").iterdir())) == ((), [])

    with little_memory(libvirtd_of(real_node.supervisor)):
        asyncio.run(story())


async def _nothing_is_left(side: Market, failing: Iterable[str], contracts: Iterable[str]) -> None:
    """Nor was anything delivered of what failed."""
    for contract in contracts:
        await side.allocate(Allocation(contract, 2, "gone", 1, 2, SMALL))
    await eventually(partial(_all, side, contracts, "removed"), READY_SECONDS)
    assert all(set(side.seconds(each).values()) <= {0} for each in failing)


def _all(side: Market, contracts: Iterable[str], state: str) -> bool:
    return all(state in side.states(contract) for contract in contracts)


def _make_room(full_cache: Path) -> None:
    """The larger disk below."""
    assert list(full_cache.iterdir()) == []
    subprocess.run(["/usr/bin/umount", "--lazy", full_cache], check=True)
