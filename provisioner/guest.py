"""What the agent knows of the guest of one contract. What the hypervisor shows of it is another matter:
`provisioner.hypervisor.port.Guest`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from common.minutes import SECONDS_PER_MINUTE
from common.wire import Allocation, FieldAnswer, GuestState
from provisioner.hypervisor.port import Counters

MS_PER_MINUTE = SECONDS_PER_MINUTE * 1000
HALF_SECOND_MS = 500
"""What a guest's count of milliseconds begins with, so that its seconds are rounded to the nearest, not down."""

VOLUME = "volume"
"""Stands for the instance in the uptime of a volume, which has none."""

OFF = "off"
"""Stands for the instance in the uptime of a guest that is off because its buyer stopped it: that is delivered too."""


@dataclass(frozen=True, slots=True)
class Obeyed:
    """How often a guest was started from off, restarted and taken back because its buyer asked for it."""

    starts: int = 0
    restarts: int = 0
    reverts: int = 0


@dataclass(frozen=True, slots=True)
class GuestRecord:
    """One contract on this node: the newest desired state, and where its guest is on the way there.

    `instance` is the run of the domain that came up last, and `epoch` the market millisecond in which that was known.
    Minutes before `next_minute` are reported; `carry_ms` is what was delivered in them and fills no
    whole second yet. `closed_ms`
    is when the guest was removed. `applied` is the revision that the guest was changed to, `answers` what became of it.
    `halted` says that it went off from within.
    """

    allocation: Allocation
    next_minute: int
    state: GuestState = "accepted"
    instance: str = ""
    epoch: int = 0
    carry_ms: int = HALF_SECOND_MS
    closed_ms: int | None = None
    counters: Counters = field(default_factory=Counters)
    applied: int = 0
    answers: tuple[FieldAnswer, ...] = ()
    halted: bool = False
    obeyed: Obeyed = Obeyed()

    @property
    def is_volume(self) -> bool:
        """Whether the contract is for a volume."""
        return self.allocation.kind == "volume"

    @property
    def is_adapted(self) -> bool:
        """Whether the guest has what the newest revision says."""
        return self.applied >= self.allocation.revision

    @property
    def restart_wanted(self) -> bool:
        """Whether its buyer has asked for a restart, or for an older state of its disk, and has not got it."""
        extras = self.allocation.extras
        return extras.restarts > self.obeyed.restarts or extras.reverts > self.obeyed.reverts

    @property
    def rests(self) -> bool:
        """Whether the guest is off because its buyer wants it so: from outside, or from within until it is started."""
        if self.state != "stopped":
            return False
        asked = self.allocation.extras.starts > self.obeyed.starts or self.restart_wanted
        return self.allocation.want == "stopped" or (self.halted and not asked)

    @property
    def contract(self) -> str:
        """Its id."""
        return self.allocation.contract

    @property
    def reported_until(self) -> int:
        """The minute, exclusive, up to which the market hears of it: its window's end, or the one it was removed in."""
        if self.closed_ms is None:
            return self.allocation.end
        return min(self.allocation.end, self.closed_ms // MS_PER_MINUTE + 1)


@dataclass(frozen=True, slots=True)
class Uptime:
    """An instance was seen up from `from_ms` to `to_ms`, market time; or the guest was OFF, as its buyer wants it."""

    instance: str
    from_ms: int
    to_ms: int
