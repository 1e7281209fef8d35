"""A node on another network: its agent lives in a network namespace of its own, and a pair of interfaces leads there.

What a proxy cannot show: a line that is cut resets no connection. Both ends go on believing in it, and what they say is
sent again and again, until it arrives or they give it up.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from nestex.stack.supervisor import Supervisor

_NOBODY = "02:00:00:00:00:01"
"""A hardware address to which nobody listens."""


class Wire:
    """The market's end is `address`. The namespace, and the pair with it, end with this process however it ends."""

    def __init__(self) -> None:
        number = os.getpid()
        network = f"198.18.{number >> 6 & 255}.{(number & 63) << 2}"  # of the block that is kept for tests
        head, _, last = network.rpartition(".")
        self.address, self._far_address = f"{head}.{int(last) + 1}", f"{head}.{int(last) + 2}"
        self._near, self._far = f"nestex-{number}a", f"nestex-{number}b"
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", "echo ready; exec cat"],  # noqa: S607  # the system's own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        holder = str(self._holder.pid)
        _run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", holder)
        _run("ip", "address", "add", f"{self.address}/30", "dev", self._near)
        _run("ip", "link", "set", self._near, "up")
        self._inside("ip", "address", "add", f"{self._far_address}/30", "dev", self._far)
        self.plug()

    def move(self, supervisor: Supervisor, name: str) -> None:
        """Let a child go on inside, as a new process."""
        child = supervisor.child(name)
        supervisor.stop(name)
        supervisor.start(replace(child, argv=(*self._entering(), *child.argv)))

    def unplug(self) -> None:
        """Take the node's end down: the node knows that it has no network; the market is told nothing."""
        self._inside("ip", "link", "set", self._far, "down")

    def plug(self) -> None:
        """Take it up."""
        self._inside("ip", "link", "set", self._far, "up")

    def lose(self) -> None:
        """Lose every packet, both ways; nobody is told anything."""
        _run("ip", "neighbour", "replace", self._far_address, "lladdr", _NOBODY, "nud", "permanent", "dev", self._near)
        self._inside(
            "ip", "neighbour", "replace", self.address, "lladdr", _NOBODY, "nud", "permanent", "dev", self._far
        )

    def find(self) -> None:
        """Lose no packet any more."""
        _run("ip", "neighbour", "delete", self._far_address, "dev", self._near)
        self._inside("ip", "neighbour", "delete", self.address, "dev", self._far)

    def close(self) -> None:
        """End the namespace; what still runs inside keeps it until it ends."""
        _run("ip", "link", "delete", self._near)
        self._holder.communicate()

    def _inside(self, *command: str) -> None:
        _run(*self._entering(), *command)

    def _entering(self) -> Sequence[str]:
        return ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
