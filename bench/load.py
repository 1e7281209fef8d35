"""The load: connections that each send a prepared request, wait for its answer, and send the next.

A process of its own, and a light one, because it shares the machine with what it measures: it writes bytes that were
made beforehand, and of an answer it reads the status and the length. `python -m bench.load HOST PORT CONNECTIONS FILE`;
FILE holds the requests, one after the other as hexadecimal lines; prints a JSON object of figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from common.clock import SystemClock

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class _Connection(asyncio.Protocol):
    """One keep-alive connection that works through its share of the requests."""

    def __init__(self, requests: list[bytes]) -> None:
        self.requests = requests
        self.next = 0
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._real = SystemClock()
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Before the last answer: the run is worth nothing."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def send(self) -> None:
        """The next request, or the end."""
        if self.next == len(self.requests):
            self.done.set_result(None)
            self.transport.close()
            return
        self._sent_at = self._real.monotonic()
        self.transport.write(self.requests[self.next])
        self.next += 1

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or all of it."""
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0:
            return
        head = self._received[:end].lower()
        start = head.index(_LENGTH) + len(_LENGTH)
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) < end + len(_HEAD_END) + length:
            return
        self._received = b""
        self.latencies.append(self._real.monotonic() - self._sent_at)
        self.statuses[int(head[9:12])] += 1
        self.send()


async def _run(host: str, port: int, shares: list[list[bytes]]) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(partial(_Connection, share), host, port))[1] for share in shares]
    real = SystemClock()
    started = real.monotonic()
    for connection in connections:
        connection.send()
    await asyncio.gather(*(connection.done for connection in connections))
    seconds = real.monotonic() - started
    latencies = sorted(latency for connection in connections for latency in connection.latencies)
    statuses = sum((connection.statuses for connection in connections), Counter[int]())
    return {
        "seconds": seconds,
        "requests": len(latencies),
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "statuses": dict(statuses),
    }


def main() -> None:
    """Figures to standard output."""
    host, port, connections, path = sys.argv[1:]
    requests = [bytes.fromhex(line) for line in Path(path).read_text(encoding="ascii").splitlines()]
    count = int(connections)
    shares = [requests[first::count] for first in range(count)]
    sys.stdout.write(json.dumps(asyncio.run(_run(host, int(port), shares))))


if __name__ == "__main__":
    main()
