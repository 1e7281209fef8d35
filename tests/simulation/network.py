"""The network between the simulated processes and the bus: bytes in order, after a delay, until a cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Protocol

from tests.simulation.loop import PROCESS, Process, SimulatedLoop


class Peer(Protocol):
    """The server's end of a connection."""

    def receive(self, data: bytes) -> None:
        """Bytes have come."""

    def lost(self) -> None:
        """The connection is gone."""


class Network:
    """Connections to one server. `accept` makes the server's end of a new one; `delay` draws a packet's seconds."""

    def __init__(self, loop: SimulatedLoop, accept: Callable[[Wire], Peer], delay: Callable[[], float]) -> None:
        self.loop = loop
        self.delay = delay
        self.cut_off: set[str] = set()
        self._accept = accept
        self._wires: list[Wire] = []
        self._outside = copy_context()
        self._outside.run(PROCESS.set, None)
        loop.connect = self._connect

    def cut(self, process: str) -> None:
        """Break the connections of the processes of this name, and refuse new ones until `heal`."""
        self.cut_off.add(process)
        for wire in self._wires:
            if wire.owner is not None and wire.owner.name == process:
                wire.break_off()

    def heal(self, process: str) -> None:
        """It may connect again."""
        self.cut_off.discard(process)

    def hang_up(self, process: Process) -> None:
        """The process has died: its server hears of it, the process does not."""
        for wire in self._wires:
            if wire.owner is process:
                wire.close()

    def close(self) -> None:
        """Nothing gets through any more."""
        self.loop.connect = None
        for wire in self._wires:
            wire.break_off()

    def _connect(self, factory: Callable[[], asyncio.BaseProtocol]) -> tuple[Wire, Any]:
        owner = PROCESS.get()
        if owner is not None and owner.name in self.cut_off:
            raise ConnectionRefusedError("the network is cut")
        protocol: Any = factory()
        wire = Wire(self, owner, protocol, self._outside)
        self._wires = [other for other in self._wires if not other.is_closing()]
        self._wires.append(wire)
        wire.peer = self._accept(wire)
        protocol.connection_made(wire)
        return wire, protocol


class Wire(asyncio.Transport):
    """One connection. The client writes on it; the server's end sends with `send`."""

    def __init__(self, network: Network, owner: Process | None, protocol: Any, outside: Context) -> None:
        super().__init__()
        self.owner = owner
        self.peer: Peer | None = None
        self._network = network
        self._loop = network.loop
        self._protocol = protocol
        self._inside = copy_context()
        self._outside = outside
        self._closed = False
        self._at_server = 0.0
        self._at_client = 0.0
        self._sent = bytearray()

    # The client's end

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if not self._closed:
            self._at_server = max(self._at_server, self._loop.time() + self._network.delay())
            self._loop.call_at(self._at_server, self._arrive, bytes(data), context=self._outside)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        """The client hangs up."""
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._lose, context=self._outside)
            self._loop.call_soon(self._protocol.connection_lost, None, context=self._inside)

    def abort(self) -> None:
        self.close()

    # The server's end

    def send(self, data: bytes) -> None:
        """To the client; what is sent before the first part arrives, arrives with it."""
        if self._closed:
            return
        if not self._sent:
            self._at_client = max(self._at_client, self._loop.time() + self._network.delay())
            self._loop.call_at(self._at_client, self._deliver, context=self._inside)
        self._sent += data

    def break_off(self) -> None:
        """A cut: both ends lose the connection, and what was on the way."""
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._lose, context=self._outside)
            lost = ConnectionResetError("the network is cut")
            self._loop.call_soon(self._protocol.connection_lost, lost, context=self._inside)

    def _arrive(self, data: bytes) -> None:
        if not self._closed and self.peer is not None:
            self.peer.receive(data)

    def _deliver(self) -> None:
        data, self._sent = bytes(self._sent), bytearray()
        if not self._closed:
            self._protocol.data_received(data)

    def _lose(self) -> None:
        if self.peer is not None:
            self.peer.lost()
