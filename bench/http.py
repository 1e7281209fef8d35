"""Durable orders over HTTP: 32 connections, one market process, the engine in its own process over NATS, as deployed.

Baseline: a route with the same request and response models that does nothing, served in the same way. The load comes
from a further process (`bench.load`), the same for both, with the same bytes. All of it shares the machine. Beside
them, the gateway of another engine (`bench.gateway`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench import market
from bench.gateway import gateway_requests, start_gateway
from bench.market import Cast
from bench.servers import furnish_at
from common.clock import MarketClock, SystemClock
from common.minutes import minute_text
from common.price import Price
from market.engine.commands import PlaceBid
from nestex.bootstrap import NewDeployment
from nestex.local import running_market
from nestex.stack.ports import LOOPBACK, free_port
from nestex.stack.stack import discard
from nestex.stack.supervisor import Child, Supervisor

CONNECTIONS = 32
_REQUESTS = 4_000
_IN_BATCH = 100
_BATCHES = 64
_BATCH_CONNECTIONS = 4
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run of the load: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def run() -> Iterator[str]:
    """Lines of the report."""
    with _servers() as servers:
        ours, floor, theirs, batches = [], [], [], []
        for number in range(_ROUNDS + 1):
            minute = servers.clock.minute()
            requests = order_requests(servers.cast, minute, _REQUESTS, f"round{number}")
            ours.append(load(servers.market, requests))
            floor.append(load(servers.noop, requests))
            hundreds = batch_requests(servers.cast, minute, _BATCHES, f"batches{number}")
            batches.append(load(servers.market, hundreds, _BATCH_CONNECTIONS))
            if servers.gateway is not None:
                theirs.append(load(servers.gateway, gateway_requests(_REQUESTS)))
        yield _line("durable orders, one a request", ours[1:])
        yield f"{_line('a route that does nothing', floor[1:])}; ratio {_ratio(ours, floor)}"
        orders = median(one.rate for one in batches[1:]) * _IN_BATCH
        yield f"{_line(f'batch requests of {_IN_BATCH} orders', batches[1:])}: {orders:,.0f} orders a second"
        if theirs:
            yield f"{_line('the gateway of matching-engine, journal on', theirs[1:])}; ratio {_ratio(ours, theirs)}"
        else:
            yield "the gateway of matching-engine is left out: there is no Python 3.12 (BENCH_PYTHON names one)"


def load(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Figures:
    """Send them all. Raises AssertionError unless every one is answered with success."""
    with tempfile.NamedTemporaryFile("w", suffix=".hex", encoding="ascii") as file:
        file.write("\n".join(request.hex() for request in requests))
        file.flush()
        command = [sys.executable, "-m", "bench.load", LOOPBACK, str(port), str(connections), file.name]
        told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    if any(not status.startswith("2") for status in told["statuses"]):
        raise AssertionError(f"answers other than success: {told['statuses']}")
    return Figures(told["requests"] / told["seconds"], told["p50_ms"], told["p99_ms"])


def order_requests(cast: Cast, minute: int, count: int, label: str) -> list[bytes]:
    """Resting bids, each with a client_order_id of its own; a connection speaks for one buyer."""
    return [
        http_post("/v1/orders", cast.keys[number % CONNECTIONS], json.dumps(body).encode())
        for number, body in enumerate(_bodies(cast, minute, count, label))
    ]


def batch_requests(cast: Cast, minute: int, count: int, label: str) -> list[bytes]:
    """The same, by the hundred."""
    bodies = _bodies(cast, minute, count * _IN_BATCH, label)
    batches = [json.dumps({"orders": bodies[first : first + _IN_BATCH]}) for first in range(0, len(bodies), _IN_BATCH)]
    return [
        http_post("/v1/orders/batch", cast.keys[number % _BATCH_CONNECTIONS], batch.encode())
        for number, batch in enumerate(batches)
    ]


def _bodies(cast: Cast, minute: int, count: int, label: str) -> list[dict[str, Any]]:
    bids = market.resting(cast, minute, count)
    return [order_body(bid, f"{label}-{number}") for number, bid in enumerate(bids) if isinstance(bid, PlaceBid)]


def order_body(bid: PlaceBid, client_order_id: str) -> dict[str, Any]:
    """The bid as the interface takes it."""
    assert bid.start_from is not None
    assert bid.start_by is not None
    return {
        "side": "bid",
        "instrument": bid.instrument,
        "price": Price(bid.price_micros).hourly(),
        "guests": bid.guests,
        "slices_per_guest": bid.slices_per_guest,
        "duration_minutes": bid.duration_minutes,
        "start_from": minute_text(bid.start_from),
        "start_by": minute_text(bid.start_by),
        "client_order_id": client_order_id,
        "guest": {"name": "web", "ssh_keys": list(bid.template.ssh_keys)},
    }


def http_post(path: str, key: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True, slots=True)
class _Servers:
    """Ports, who trades, and the market's time."""

    market: int
    noop: int
    gateway: int | None
    cast: Cast
    clock: MarketClock


@contextmanager
def _servers() -> Iterator[_Servers]:
    path = Path(tempfile.mkdtemp(prefix="nestex-bench-"))
    path.chmod(0o711)  # PostgreSQL runs as another user when the bench runs as root
    try:
        with running_market(path, SystemClock(), [market.ZONE], NewDeployment()) as local:
            cast, clock = furnish_at(local.stack.database_url)
            noop = start_server(local.supervisor, "noop", "bench.noop")
            gateway = start_gateway(local.supervisor)
            yield _Servers(int(local.url.rpartition(":")[2]), noop, gateway, cast, clock)
    finally:
        discard(path)


def start_server(supervisor: Supervisor, name: str, module: str) -> int:
    """The port on which `python -m module PORT` serves."""
    port = free_port()

    def answers(_pid: int) -> bool:
        try:
            httpx.get(f"http://{LOOPBACK}:{port}/", timeout=2.0, trust_env=False)
        except httpx.HTTPError:
            return False
        return True

    supervisor.start(Child(name, (sys.executable, "-m", module, str(port)), ready=answers))
    return port


def _ratio(ours: Sequence[Figures], others: Sequence[Figures]) -> str:
    """The median of the pairs, the first left out: it warmed both up."""
    pairs = list(zip(ours, others, strict=True))[1:]
    return f"{median(one.rate / other.rate for one, other in pairs):.2f}"


def _line(what: str, figures: Sequence[Figures]) -> str:
    rate, p50, p99 = (median(values) for values in zip(*((one.rate, one.p50, one.p99) for one in figures), strict=True))
    return f"{what}: {rate:,.0f} a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
