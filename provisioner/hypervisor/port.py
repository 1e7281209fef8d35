"""What the agent needs of a hypervisor, and nothing else. All methods block and run in the hypervisor's own thread.

A driver sees only domains that carry our metadata: a domain without it is somebody else's and is never touched, not
even looked at twice. Every method may raise Unavailable (`hypervisor_failed`), after which trying again makes sense;
Refused (`hypervisor_lacks`) for what its capabilities do not hold; and NotFound for a guest, volume, adapter or
snapshot that is not there, where nothing else is said. What only a running guest can do is a Conflict for one that is
off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from common.wire import Endpoint, FieldAnswer, Filesystem, GuestSpec

Ability = Literal[
    "pause",  # pause and resume
    "shutdown",  # ask a guest to power itself off
    "vcpu_plug",  # more vCPUs for a running guest
    "balloon",  # another memory size for a running guest
    "cpu_limits",  # shares and quota of CPU time
    "disks",  # guests have disks, which grow
    "adapters",
    "volumes",  # volumes are made and removed
    "attachments",  # guests have volumes, which grow
    "snapshots",
    "console",
]
"""What a hypervisor may be able to do; a call that needs more is refused."""

DETACH_SECONDS = 15.0
"""So long a guest may take to let go of a device."""

EVERYTHING: frozenset[Ability] = frozenset(get_args(Ability))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the hypervisor is, the largest number of vCPUs that one guest may have on it, and what it can do.

    Guests of a `simulated` one take nothing of the machine: libvirt's test driver runs none.
    """

    hypervisor: str
    version: str
    guest_vcpus_max: int
    simulated: bool = False
    abilities: frozenset[Ability] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Guest:
    """A domain of ours as it is. `instance` names one run of it, from start to end, and is "" while it is off.

    One that is paused is not up. One that is `booting` is up and has not said yet that it is ready. One that is
    `halted` goes off, or went off, in order and from within, be it that it was asked to.
    """

    contract: str
    revision: int
    up: bool
    instance: str = ""
    paused: bool = False
    booting: bool = False
    endpoints: tuple[Endpoint, ...] = ()
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """What a guest has used since its instance began, and the memory that it has now; or how large a volume is."""

    cpu_ns: int = 0
    memory_kib: int = 0
    disk_bytes: int = 0
    network_bytes: int = 0
    volume_gib: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A guest's disk as it was at `at_ms`, milliseconds since the Unix epoch by the hypervisor's clock."""

    name: str
    at_ms: int


def own_volume(contract: str, name: str) -> str:
    """The name, in the block pool, of a guest's own volume. Ids have no dash, and libvirt takes no dot. A volume that
    is a contract's own is named by the contract alone."""
    return f"{contract}-{name}"


def contract_of_volume(volume: str) -> str:
    """The contract that a volume belongs to."""
    return volume.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Volume:
    """A data disk of the block pool; `guest` is the contract of the guest that it is attached to, or ""."""

    name: str
    size_gib: int
    guest: str = ""


class Hypervisor(Protocol):
    """The port. `LibvirtDriver` and `QemuDriver` are the real ones, `FakeDriver` fails on demand."""

    def probe(self) -> None:
        """Raises Unavailable unless the hypervisor answers."""

    def capabilities(self) -> Capabilities:
        """What it can do."""

    def guests(self) -> tuple[Guest, ...]:
        """All domains of ours."""

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        """The contract's domain, defined where it is not up, and started or resumed if `run`.

        Idempotent. A domain that is up is left as it is. Raises Refused when it can never run such a guest.
        """

    def rescale(self, contract: str, revision: int, spec: GuestSpec) -> tuple[FieldAnswer, ...]:
        """Make the guest what `spec` says, as far as that goes while it runs; an answer for each field that differs.

        What takes effect at the next restart is in force from any start on. Refused fields stay as they are.
        """

    def pause(self, contract: str) -> None:
        """Its processors stand still; memory and connections are kept. Nothing happens where it is paused already."""

    def resume(self, contract: str) -> None:
        """Its processors go on. Nothing happens where they do."""

    def shutdown(self, contract: str) -> None:
        """Ask the guest to power itself off. Returns at once; whether it does is up to the guest."""

    def restart(self, contract: str, revision: int, spec: GuestSpec) -> Guest:
        """Off at once, then up again as `spec` says: another instance. Ask with `shutdown` first."""

    def stop(self, contract: str) -> None:
        """Off, at once. Nothing happens where it is off or missing."""

    def remove(self, contract: str) -> None:
        """Forget a domain that is off, its disk and its snapshots. Nothing happens where it is missing.

        Volumes of its own (`own_volume`) are removed with it, others that were attached are free again.
        """

    def snapshot(self, contract: str, name: str) -> None:
        """Keep the state of the guest's disk, running or not, under a name. Raises Conflict where the name is taken."""

    def snapshots(self, contract: str) -> tuple[Snapshot, ...]:
        """The guest's snapshots, oldest first."""

    def revert(self, contract: str, name: str) -> None:
        """Give the disk the state that it had. A guest that is up is off afterwards: it must start from its disk."""

    def drop_snapshot(self, contract: str, name: str) -> None:
        """Forget a snapshot. Nothing happens where it is missing."""

    def volume_create(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """An empty volume, or one with a filesystem. Nothing happens where it is there already. Raises Refused
        (`insufficient_capacity`) where the block pool is full."""

    def volume_replace(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """Another one in its place, with nothing of what was written to it. Raises Conflict while it is attached, and
        what `volume_create` does."""

    def volume_resize(self, volume: str, size_gib: int) -> None:
        """Grow it, attached or not; what is inside is its guest's business. Raises Refused where it would shrink."""

    def volume_remove(self, volume: str) -> None:
        """Delete it. Nothing happens where it is missing. Raises Conflict while it is attached."""

    def volume_withdraw(self, volume: str) -> None:
        """Delete it, attached or not: a guest that does not let go of it within seconds finds it empty."""

    def volumes(self) -> tuple[Volume, ...]:
        """All volumes of this node in the block pool. Raises Unavailable where it is away."""

    def volume_attach(self, contract: str, volume: str, known_as: str = "") -> None:
        """A data disk of the guest until it is detached, which knows it by that name. Raises Conflict where another
        guest has it."""

    def volume_detach(self, contract: str, volume: str, patience_seconds: float = DETACH_SECONDS) -> None:
        """Take it from the guest. Returns when the guest has let go of it, having written to it all that it had to;
        Unavailable where it has not in time. Nothing happens where it is not attached."""

    def nic_attach(self, contract: str, adapter: str) -> None:
        """One more network adapter, under a name of the caller's. Nothing happens where it has it."""

    def nics(self, contract: str) -> tuple[str, ...]:
        """The names of those that were attached."""

    def nic_detach(self, contract: str, adapter: str) -> None:
        """Take the adapter away. Nothing happens where it is missing."""

    def console(self, contract: str) -> bytes:
        """The newest part of what the guest wrote to its serial console since it was started."""

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """Counters of those of the guests that are up."""

    def listen(self, notify: Callable[[], None]) -> None:
        """Call `notify`, from any thread, whenever a domain may have changed. Hints only: some may be missing."""

    def close(self) -> None:
        """Let go of the hypervisor; guests go on."""
