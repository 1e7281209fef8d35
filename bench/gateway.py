"""The FastAPI gateway of the PyPI package `matching-engine`, with its journal on: somebody else's durable orders over
HTTP.

What it guarantees: an order is answered after the write-ahead log that holds it was synced, once for all that wait. It
knows one instrument by price and quantity; no accounts, money, keys, tables or event feed. It needs Python 3.12, and
its packages stay out of the product's environment: they live in `.bench_cache/`, from `gateway.lock` with its hashes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

from nestex.stack.ports import LOOPBACK, free_port
from nestex.stack.supervisor import Child, Supervisor

_ROOT = Path(__file__).parents[1]
_HOME = _ROOT / ".bench_cache" / "gateway"
_NEWEST_FIRST = ("python3.14", "python3.13", "python3.12")


def start_gateway(supervisor: Supervisor) -> int | None:
    """The port on which it serves; None where there is no Python that it runs on. BENCH_PYTHON names one."""
    python = _installed()
    if python is None:
        return None
    port = free_port()

    def answers(_pid: int) -> bool:
        try:
            return httpx.get(f"http://{LOOPBACK}:{port}/healthz", timeout=2.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    argv = (str(python), "-m", "matching_engine", "serve", "--host", LOOPBACK, "--port", str(port))
    environment = {"ME_DATA_DIR": str(supervisor.folder.subfolder("gateway")), "ME_FSYNC": "1"}
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


def _installed() -> Path | None:
    """The interpreter of an environment with the package, which is made at the first use."""
    python = _HOME / "bin" / "python"
    if not python.exists():
        maker = _new_enough()
        if maker is None:
            return None
        subprocess.run([maker, "-m", "venv", str(_HOME)], check=True)
        install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(_ROOT / "bench" / "gateway.lock")]
        subprocess.run([str(python), *install], check=True)
    return python


def _new_enough() -> str | None:
    for name in (os.environ.get("BENCH_PYTHON"), sys.executable, *_NEWEST_FIRST):
        program = name and shutil.which(name)
        check = "import sys; sys.exit(sys.version_info < (3, 12))"
        if program and subprocess.run([program, "-c", check], capture_output=True, check=False).returncode == 0:
            return program
    return None
