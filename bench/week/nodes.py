"""The agents of all nodes in one process: `python -m bench.week.nodes FILE`; FILE holds JSON of what they are told.

Each agent is the product's own, with its identity, its connection to NATS, its file and its guests; what they share is
the process, the thread of their files and that of their hypervisors. Guests are played in memory, so they end with it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from common.clock import MarketClock, SystemClock
from common.wire import Capacity
from nestex.cli.processes import log_to_stderr
from provisioner.agent import STORE_FILE, Agent
from provisioner.blocking import Blocking
from provisioner.hypervisor.fake import FakeDriver
from provisioner.identity import identify
from provisioner.settings import HEARTBEAT_SECONDS, Settings
from provisioner.store import Store


def main() -> None:
    """Until SIGTERM or SIGINT."""
    log_to_stderr()
    told: list[dict[str, Any]] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with suppress(asyncio.CancelledError):
        asyncio.run(_run(told))


async def _run(told: list[dict[str, Any]]) -> None:
    task, storage, hypervisor = asyncio.current_task(), Blocking("store"), Blocking("hypervisor")
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with asyncio.TaskGroup() as agents:
        for each in told:
            agents.create_task(_serve(each, storage, hypervisor))


async def _serve(told: dict[str, Any], storage: Blocking, hypervisor: Blocking) -> None:
    """As `provisioner.agent` does for one."""
    data, capacity = Path(told["data"]), Capacity(**told["capacity"])
    identity = await identify(Settings(told["market"], data, "", told["token"]), capacity)
    store = await storage(Store, data / STORE_FILE, identity.node)
    await Agent(
        identity,
        store,
        FakeDriver(),
        storage=storage,
        hypervisor=hypervisor,
        clock=MarketClock(identity.anchor, SystemClock()),
        capacity=capacity,
        heartbeat_seconds=HEARTBEAT_SECONDS,
    ).serve()


if __name__ == "__main__":
    main()
