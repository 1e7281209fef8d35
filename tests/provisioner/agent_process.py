"""A node that has enrolled, and its agent as a process that tests start and kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from common import codec, fault_points
from common.clock import MarketClock
from common.enrolment import EnrolAnswer
from provisioner.identity import ANSWER_FILE, SEED_FILE
from tests.provisioner.bus import Nats

RUN_AGENT = """
import logging, sys
from pathlib import Path
from provisioner.agent import main
from provisioner.settings import Settings, parse_capacity

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
folder, uri, capacity, images = sys.argv[1:]
images = Path(images) if images else None
sys.exit(main(Settings("http://127.0.0.1:1", Path(folder), uri, None, 0.2, parse_capacity(capacity), images=images)))
"""


@dataclass
class Node:
    """A node that has enrolled, its agent's process, and the clock that both share with the market."""

    folder: Path
    libvirt_uri: str
    clock: MarketClock
    process: subprocess.Popen[bytes] | None = None
    images: Path | None = None

    def enrolled(self, server: Nats, node: str) -> None:
        """Put an enrolment into the data folder."""
        identity = server.identity(node, self.clock.anchor)
        anchor = identity.anchor
        answer = EnrolAnswer(
            node, identity.jwt, identity.nats_servers, anchor.wall_micros, anchor.market_micros, anchor.speed
        )
        (self.folder / SEED_FILE).write_text(identity.seed)
        (self.folder / ANSWER_FILE).write_bytes(codec.encode(answer))

    def start(self) -> None:
        """Start the agent."""
        arguments = [str(self.folder), self.libvirt_uri, "8,32768,200", str(self.images or "")]
        with (self.folder / "agent.log").open("ab") as log:
            environment = os.environ | {"NESTEX_FAULT_FILE": str(self.folder / "fault")}
            command = [sys.executable, "-c", RUN_AGENT, *arguments]
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=environment)

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "agent.log").read_text()

    def arm(self, point: str) -> None:
        """Let the agent die, as by kill -9, when it comes to the point."""
        fault_points.arm(self.folder / "fault", point, "kill")

    async def died(self) -> None:
        """Wait until the agent that was to die has."""
        assert self.process is not None
        assert await asyncio.to_thread(self.process.wait, 60) == -signal.SIGKILL

    def end(self, number: signal.Signals) -> int:
        """Signal the agent and wait for it."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)

    async def minute(self, minute: int) -> None:
        """Wait until a market minute begins."""
        await asyncio.sleep(self.clock.real_seconds_until(minute))
