"""The bus of a simulation: the twin behind a network, and the real NATS client on simulated time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import nats.aio.client
import nats.js.client
import pytest

from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Network
from tests.simulation.twin.jetstream import JetStream
from tests.simulation.twin.server import Server

URL = "nats://twin:4222"


@dataclass(frozen=True, slots=True)
class Bus:
    """The server, its streams, and the way to it."""

    server: Server
    jetstream: JetStream
    network: Network


@dataclass(frozen=True, slots=True)
class _Time:
    """What the client uses of the module `time`."""

    loop: SimulatedLoop

    def monotonic(self) -> float:
        return self.loop.time()


@contextmanager
def bus(
    loop: SimulatedLoop,
    now_ns: Callable[[], int],
    *,
    delay: Callable[[], float] = lambda: 0.0,
    loses_ack: Callable[[], bool] = lambda: False,
    reorder: Callable[[list[int]], None] = lambda sequences: None,
) -> Iterator[Bus]:
    """A server on the loop. The client measures its time-outs by the module `time`, which is replaced meanwhile."""
    server = Server(loop)
    jetstream = JetStream(server, now_ns, loses_ack=loses_ack, reorder=reorder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nats.aio.client, "time", _Time(loop))
        patch.setattr(nats.js.client, "time", _Time(loop))
        yield Bus(server, jetstream, Network(loop, server.accept, delay))
