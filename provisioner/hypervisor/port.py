"""What the agent needs of a hypervisor, and nothing else. All methods block and run in the hypervisor's own thread.

A driver sees only domains that carry our metadata: a domain without it is somebody else's and is never touched, not
even looked at twice. Every method may raise Unavailable (`hypervisor_failed`), after which trying again makes sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from common.wire import GuestSpec


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the hypervisor is, and the largest number of vCPUs that one guest may have on it.

    Guests of a `simulated` one take nothing of the machine: libvirt's test driver runs none.
    """

    hypervisor: str
    version: str
    guest_vcpus_max: int
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """A domain of ours as it is. `instance` names one run of it, from start to end, and is "" while it is not up."""

    contract: str
    revision: int
    up: bool
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a guest has used since its instance began, and the memory that it has now."""

    cpu_ns: int = 0
    memory_kib: int = 0
    disk_bytes: int = 0
    network_bytes: int = 0


class Hypervisor(Protocol):
    """The port. `LibvirtDriver` is the real one, `FakeDriver` fails on demand."""

    def probe(self) -> None:
        """Raises Unavailable unless the hypervisor answers."""

    def capabilities(self) -> Capabilities:
        """What it can do."""

    def guests(self) -> tuple[Guest, ...]:
        """All domains of ours."""

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        """The contract's domain, defined where it is not up, and started if `run`.

        Idempotent. A domain that is up is left as it is. Raises Refused when it can never run such a guest.
        """

    def stop(self, contract: str) -> None:
        """Off, at once. Nothing happens where it is off or missing."""

    def remove(self, contract: str) -> None:
        """Forget a domain that is off. Nothing happens where it is missing."""

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """Counters of those of the guests that are up."""

    def listen(self, notify: Callable[[], None]) -> None:
        """Call `notify`, from any thread, whenever a domain may have changed. Hints only: some may be missing."""

    def close(self) -> None:
        """Let go of the hypervisor; guests go on."""
