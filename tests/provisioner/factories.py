"""The world of the agent's tests: allocations, records, clocks that are driven by hand, a store."""

from __future__ import annotations

from pathlib import Path

from common.clock import ClockAnchor, MarketClock
from common.wire import Allocation, Capacity, GuestSpec, Want
from provisioner import lives
from provisioner.store import Store

NODE = "nod_00000000000000000000000001"
CAPACITY = Capacity(vcpus=8, memory_mib=32_768, disk_gib=200)
SPEC = GuestSpec(name="web", vcpus=1, memory_mib=2048, disk_gib=10, image="debian-12")


class HandClock:
    """Real time that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.micros = 0

    def advance(self, seconds: float) -> None:
        """Let real time pass."""
        self.micros += round(seconds * 1_000_000)

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self.micros / 1_000_000

    def working(self) -> float:
        """The same: whoever works with it works all the time."""
        return self.monotonic()

    def wall_micros(self) -> int:
        """Microseconds since it was made."""
        return self.micros


def market_clock(real: HandClock, minute: int = 0) -> MarketClock:
    """Market time that began `minute` minutes after the epoch, at the speed of real time."""
    return MarketClock(ClockAnchor(0, minute * 60_000_000), real)


def contract(number: int = 1) -> str:
    """The id of a contract."""
    return f"con_{number:026d}"


def allocation(
    start: int = 10,
    end: int = 20,
    *,
    number: int = 1,
    revision: int = 1,
    want: Want = "run",
    spec: GuestSpec = SPEC,
) -> Allocation:
    """Desired state of a contract."""
    return Allocation(contract(number), revision, want, start, end, spec)


def new_store(folder: Path) -> Store:
    """An agent's file with numbered reports, as an agent leaves it at its start."""
    store = Store(folder / "agent.sqlite", NODE)
    lives.begin(store, 0)
    return store
