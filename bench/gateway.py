"""The FastAPI gateway of the PyPI package `matching-engine`, with its journal on: somebody else's durable orders over
HTTP.

What it guarantees: an order is answered after the write-ahead log that holds it was synced, once for all that wait. It
knows one instrument by price and quantity; no accounts, money, keys, tables or event feed. It needs Python 3.12.
"""

from __future__ import annotations

import json
import random

import httpx

from bench.compiled import ROOT
from bench.peers import newer_python, peers_folder
from nestex.stack.ports import LOOPBACK, free_port
from nestex.stack.supervisor import Child, Supervisor

_CACHE = ROOT / ".bench_cache"


def start_gateway(supervisor: Supervisor) -> int | None:
    """The port on which it serves; None where there is no Python that it runs on.

    Raises CalledProcessError when its packages cannot be fetched.
    """
    python = newer_python()
    if python is None:
        return None
    _CACHE.mkdir(exist_ok=True)
    packages, port = peers_folder(_CACHE, python), free_port()

    def answers(_pid: int) -> bool:
        try:
            return httpx.get(f"http://{LOOPBACK}:{port}/healthz", timeout=2.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    argv = (python, "-m", "matching_engine", "serve", "--host", LOOPBACK, "--port", str(port))
    environment = {
        "PYTHONPATH": str(packages),
        "ME_DATA_DIR": str(supervisor.folder.subfolder("gateway")),
        "ME_FSYNC": "1",
    }
    supervisor.start(Child("gateway", argv, environment, ready=answers))
    return port


def gateway_requests(count: int) -> list[bytes]:
    """Resting buy orders."""
    draw = random.Random(1)
    requests = []
    for _ in range(count):
        price, quantity = f"{draw.randint(50, 149)}.00", f"0.{draw.randint(10_000, 99_999)}"
        order = {"account": draw.randint(1, 100), "side": "buy", "price": price, "quantity": quantity}
        body = json.dumps(order).encode()
        head = (
            "POST /markets/BTC-USDT/orders HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests
