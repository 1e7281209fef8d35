"""A whole deployment on this machine: the embedded stack with market, engine and worker as its further children."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from common.clock import RealClock
from common.errors import Unavailable
from nestex.bootstrap import NewDeployment, prepare
from nestex.stack.hypervisor_kind import HypervisorKind
from nestex.stack.hypervisors import start_hypervisor
from nestex.stack.ports import LOOPBACK, free_port, is_free
from nestex.stack.stack import Stack, running_stack
from nestex.stack.supervisor import Child, Supervisor

_OPERATOR_KEY = "operator.key"
_CAPACITY = "NESTEX_AGENT_CAPACITY"


@dataclass(frozen=True, slots=True)
class LocalMarket:
    """The running market: its address, the operator's key, and what it stands on."""

    url: str
    operator_key: str
    stack: Stack

    @property
    def supervisor(self) -> Supervisor:
        """Looks after all processes; its `watch` must be called again and again."""
        return self.stack.supervisor


@contextmanager
def running_market(
    path: Path,
    clock: RealClock,
    zones: Sequence[str],
    new: NewDeployment,
    *,
    port: int = 0,
    extra: dict[str, str] | None = None,
) -> Iterator[LocalMarket]:
    """The stack with a market, an engine for each zone and a worker, over the data folder at `path`.

    The market listens on `port`, or for 0 on one that is free. `extra` are further NESTEX_ settings for the processes.
    Raises Unavailable (`stack_failed`), also when the port is taken.
    """
    with running_stack(path, clock, os.environ) as stack:
        folder = stack.supervisor.folder
        made = prepare(stack.database_url, new)
        if made is not None:
            folder.record(_OPERATOR_KEY, made)
        environment = _base_environment() | stack.environment() | (extra or {})
        url = _start_market(stack, environment, port or free_port())
        for zone in zones:
            _start_engine(stack, f"engine-{zone}", zone, environment)
        stack.supervisor.start(Child("worker", _nestex("worker"), environment))
        yield LocalMarket(url, folder.recall(_OPERATOR_KEY) or "", stack)


def start_engine(market: LocalMarket, name: str, zone: str, *, extra: dict[str, str] | None = None) -> None:
    """One more engine of the zone, which stands by. `extra` are further NESTEX_ settings for it."""
    _start_engine(market.stack, name, zone, _base_environment() | market.stack.environment() | (extra or {}))


def start_agent(
    market: LocalMarket,
    name: str,
    token: str,
    capacity: tuple[int, int, int],
    *,
    hypervisor: HypervisorKind = HypervisorKind.TEST,
    extra: dict[str, str] | None = None,
) -> None:
    """An agent with a private libvirtd as further children; it may use so many vCPUs, MiB and GiB.

    `extra` are further NESTEX_ settings for it.
    """
    supervisor = market.supervisor
    data = supervisor.folder.subfolder(f"agents/{name}")
    environment = _base_environment() | {
        "NESTEX_AGENT_MARKET_URL": market.url,
        "NESTEX_AGENT_DATA": str(data),
        "NESTEX_AGENT_TOKEN": token,
        _CAPACITY: ",".join(map(str, capacity)),
    }
    environment |= start_hypervisor(supervisor, name, hypervisor)
    supervisor.start(Child(f"agent-{name}", _nestex("agent"), environment | (extra or {})))


def resize_agent(market: LocalMarket, name: str, capacity: tuple[int, int, int]) -> None:
    """Stop the agent, and start it again with so many vCPUs, MiB and GiB; its hypervisor goes on."""
    supervisor = market.supervisor
    child = supervisor.child(f"agent-{name}")
    supervisor.stop(child.name)
    resized = {_CAPACITY: ",".join(map(str, capacity))}
    supervisor.start(replace(child, environment={**(child.environment or {}), **resized}))


def _start_engine(stack: Stack, name: str, zone: str, environment: dict[str, str]) -> None:
    stack.supervisor.start(Child(name, _nestex("engine", "--zone", zone), environment))


def _start_market(stack: Stack, environment: dict[str, str], port: int) -> str:
    if not is_free(port):
        raise Unavailable("stack_failed", f"port {port} of {LOOPBACK} is taken; give another with --port")
    url = f"http://{LOOPBACK}:{port}"

    def answers(pid: int) -> bool:
        try:
            return httpx.get(f"{url}/readyz", timeout=2.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    stack.supervisor.start(
        Child(
            "market",
            _nestex("market", "--host", LOOPBACK, "--port", str(port)),
            environment | stack.market_environment(),
            ready=answers,
        )
    )
    return url


def _nestex(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "nestex", *arguments)


def _base_environment() -> dict[str, str]:
    """This process's environment without settings of ours, which each process is given on purpose."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NESTEX_")}
    return kept | {"PYTHONUNBUFFERED": "1"}
