"""What goes wrong in the story, on purpose: processes killed as by kill -9, and a node smaller than promised."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field

from common.errors import Unavailable
from nestex.demo.cast import ZONE, NodeCast
from nestex.demo.scene import SellersNode
from nestex.demo.trading import Tell
from nestex.local import LocalMarket, resize_agent, start_agent, start_engine
from nestex.stack.hypervisor_kind import HypervisorKind

STANDBY = f"engine-{ZONE}-standby"
_ENGINES = (f"engine-{ZONE}", STANDBY)
_NOTICE_SECONDS = 0.2
"""Until nats-server has noticed: what is sent to an engine before that waits in vain for its answer."""


@dataclass(slots=True)
class Troublemaker:
    """`log` keeps what was done: `fault` and `target` of each."""

    market: LocalMarket
    tell: Tell
    hypervisor: HypervisorKind = HypervisorKind.TEST
    log: list[dict[str, str]] = field(default_factory=list)

    def start_nodes(self, nodes: list[SellersNode]) -> None:
        """An agent for every node, and a second engine that stands by."""
        for node in nodes:
            cast = node.cast
            start_agent(self.market, cast.name, node.token, _capacity(cast), hypervisor=self.hypervisor)
        start_engine(self.market, STANDBY, ZONE)

    def kill_agent(self, node: SellersNode) -> None:
        """As by kill -9, with its guests up; the supervisor starts another."""
        self._kill(f"agent-{node.cast.name}")
        self._note("agent killed", node.cast.name, f"the agent of {node.cast.name} is killed; its guests go on")

    def kill_engine(self, holder: str) -> None:
        """As by kill -9: the engine that holds the lease, as the database names it ("host:process id")."""
        pid = int(holder.rpartition(":")[2])
        for name in _ENGINES:
            if self.market.supervisor.pid(name) == pid:
                self._kill(name)
                self.market.supervisor.watch(_NOTICE_SECONDS)
                return self._note("engine killed", name, f"{name} is killed; the other engine takes the book over")
        raise Unavailable("stack_failed", f"no engine of ours is the process {pid} that holds the lease")

    def shrink(self, node: SellersNode, smaller: NodeCast) -> None:
        """The node's VM was resized at its cloud: its agent comes back with less than was sold."""
        resize_agent(self.market, node.cast.name, _capacity(smaller))
        what = f"{node.cast.name} comes back from a resize with {smaller.vcpus} of {node.cast.vcpus} vCPUs"
        self._note("node shrunk", node.cast.name, what)

    def _kill(self, child: str) -> None:
        os.kill(self.market.supervisor.pid(child), signal.SIGKILL)

    def _note(self, fault: str, target: str, sentence: str) -> None:
        self.log.append({"fault": fault, "target": target})
        self.tell(f"FAULT: {sentence}")


def _capacity(cast: NodeCast) -> tuple[int, int, int]:
    return cast.vcpus, cast.memory_mib, cast.disk_gib
