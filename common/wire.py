"""The messages between the market and an agent, and their version. Subjects are in `common.subjects`.

Both sides decode leniently, so that a newer peer may add fields; a change of meaning raises `WIRE_VERSION`. An agent's
messages carry the version that it speaks, an allocation the lowest that understands it.

Minutes are UTC minutes since the Unix epoch; `*_ms` are milliseconds of market time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

WIRE_VERSION = 2
LONGEST_REASON = 500
LARGEST_NUMBER = 2**53
"""Above every revision, sequence and millisecond that anybody can mean."""

Want = Literal["run", "paused", "stopped", "gone"]
Filesystem = Literal["", "ext4"]
"""What a new volume is formatted with; "" leaves it empty."""

Kind = Literal["guest", "volume"]
"""What a contract is for."""

SPOKEN_SINCE: dict[str, int] = {"guest": 1, "volume": 2}
"""The first version whose agents know contracts of this kind. Others would take a volume for a guest without a name."""

GuestState = Literal[
    "accepted",
    "preparing",
    "starting",
    "running",
    "ready",
    "rescaling",
    "paused",
    "restarting",
    "stopping",
    "stopped",
    "removed",
    "failed",
    "crashed",
]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a node has, or offers: whole vCPUs, MiB of memory, GiB of disk."""

    vcpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class GuestSpec:
    """What a contract promises: an L2 guest, or a volume, of which only `name`, `disk_gib` and `filesystem` count.

    `cpu_shares` is what each vCPU weighs while CPU time is short, 1024 is ordinary; `cpu_percent` is how much of a CPU
    it gets at most. `ports` are the TCP ports of the guest that are to be reached from outside, besides SSH.
    """

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    image: str
    cpu_shares: int = 1024
    ssh_keys: tuple[str, ...] = ()
    user_data: str = ""
    cpu_percent: int = 100
    ports: tuple[int, ...] = ()
    filesystem: Filesystem = ""


@dataclass(frozen=True, slots=True)
class DataDisk:
    """A volume of the guest's own, made with it and removed with it."""

    name: str
    size_gib: int
    filesystem: Filesystem = ""


@dataclass(frozen=True, slots=True)
class Extras:
    """What a guest is to have besides its specification, and what is to be done to it.

    `snapshots` are those of its disk that are to be kept. The last three count how often its buyer has asked: above the
    agent's own count it starts a guest that went off from within, restarts it, or takes its disk back to `revert_to`.

    `attached_to` is of a volume that is a contract's own: the contract of the guest that is to have it. Where it is
    `set_aside`, it holds no data: its room is for that guest's snapshots.
    """

    adapters: tuple[str, ...] = ()
    volumes: tuple[DataDisk, ...] = ()
    snapshots: tuple[str, ...] = ()
    revert_to: str = ""
    starts: int = 0
    restarts: int = 0
    reverts: int = 0
    attached_to: str = ""
    set_aside: bool = False

    @property
    def attached(self) -> bool:
        """Whether there is anything to attach or to keep."""
        return bool(self.adapters or self.volumes or self.snapshots)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Of every message: the version that whoever is to understand it has to speak."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class Allocation:
    """The whole desired state of one contract, at a revision. Minutes [start, end).

    `bought_disk_gib` is the disk that its slices bought, of which a guest may leave some for its volumes and snapshots;
    0 where an older market does not tell.

    `generation` is that of the market's database, and comes as a header of the message: what a database holds is truth
    under its newest generation, whenever it was written.
    """

    contract: str
    revision: int
    want: Want
    start: int
    end: int
    guest: GuestSpec
    extras: Extras = Extras()
    generation: int = 0
    kind: Kind = "guest"
    bought_disk_gib: int = 0
    version: int = WIRE_VERSION


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service of the guest can be reached: `ssh` at an address and port."""

    service: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """What became of one field of a guest that was to be rescaled; `reason` is set unless it is `live`."""

    field: str
    outcome: Literal["live", "restart", "refused"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GuestStatus:
    """The state that a contract's guest has reached under a revision; `reason` is set for `failed` and `crashed`.

    `applied` is the newest revision that the guest was changed to, as far as `answers` say; 0 where nothing is new of
    that.
    """

    node: str
    contract: str
    revision: int
    state: GuestState
    at_ms: int
    reason: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    applied: int = 0
    answers: tuple[FieldAnswer, ...] = ()
    version: int = WIRE_VERSION


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The agent lives: what it has applied (contract -> revision), and whether its first full sync is done.

    `usage_sequence` is the number of its newest usage report, in the life of its file that is called `life`. `applied`
    counts under `generation`, the newest one of the market's database that the agent has heard of. `told` is the
    instant of the newest status of each contract, where the stream has all of them. `own_work` is what the provider
    itself uses of the machine, beside the guests, where that is measured.
    """

    node: str
    agent_version: str
    synced: bool
    applied: dict[str, int]
    capacity: Capacity
    usage_sequence: int
    at_ms: int
    life: int = 0
    generation: int = 0
    told: dict[str, int] = field(default_factory=dict)
    own_work: Capacity | None = None
    version: int = WIRE_VERSION


@dataclass(frozen=True, slots=True)
class GuestMinute:
    """One contract in one minute: delivered seconds (0 to 60), and counters that only grow within an `epoch`; those of
    a guest, or the size of a volume."""

    contract: str
    seconds: int
    epoch: int
    cpu_ns: int = 0
    memory_kib: int = 0
    disk_bytes: int = 0
    network_bytes: int = 0
    volume_gib: int = 0


@dataclass(frozen=True, slots=True)
class UsageReport:
    """All guests of a node in one market minute. `sequence` counts from 1 without gaps within a `life` of the agent's
    file, which has told every minute from `since` on, in this life or an earlier one."""

    node: str
    sequence: int
    minute: int
    guests: tuple[GuestMinute, ...]
    life: int = 0
    since: int = 0
    version: int = WIRE_VERSION
