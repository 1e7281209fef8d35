"""What the provider's own work uses of the machine, beside the guests: heartbeats carry it, so that the market's
reseller keeps that much back.

Everything that is busy or resident and no guest's QEMU counts, from Linux's /proc. Processors are averaged over
WINDOW_SECONDS, so that a short burst frightens nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.clock import RealClock
from common.wire import Capacity

WINDOW_SECONDS = 300.0
_GUEST = b"guest=con_"
"""In the command line of every guest's QEMU: its domain is named after its contract."""
_QUARTERS = 4
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class _Sample:
    """Clock ticks since the machine started, of all processors together: all, and those of own work."""

    at: float
    ticks: int
    own_ticks: int


class OwnWork:
    """Measures; to be asked every few seconds, from one thread."""

    def __init__(self, clock: RealClock, processors: int, proc: Path = Path("/proc")) -> None:
        self._clock = clock
        self._processors = processors
        self._proc = proc
        self._samples: deque[_Sample] = deque()
        self._guests: dict[str, int] = {}
        self._guest_ticks = 0

    def measure(self) -> Capacity:
        """vCPUs (rounded up from a quarter of one) and memory of own work; its files are not counted. Raises OSError
        and ValueError where /proc is not Linux's."""
        guests = {process.name: process for process in self._guest_processes()}
        return Capacity(self._vcpus(guests), self._memory_mib(guests), 0)

    def _vcpus(self, guests: dict[str, Path]) -> int:
        ticks = {name: _ticks(process) for name, process in guests.items()}
        self._guest_ticks += sum(max(0, each - self._guests.get(name, 0)) for name, each in ticks.items())
        self._guests = ticks
        user, nice, system, idle, waiting, *interrupts = self._stat()
        busy = user + nice + system + sum(interrupts[:2])
        now = _Sample(self._clock.monotonic(), busy + idle + waiting, busy - self._guest_ticks)
        self._samples.append(now)
        while len(self._samples) > 2 and self._samples[1].at <= now.at - WINDOW_SECONDS:
            self._samples.popleft()
        before = self._samples[0]
        if now.ticks <= before.ticks:
            return 0
        quarters = _QUARTERS * self._processors * max(0, now.own_ticks - before.own_ticks) // (now.ticks - before.ticks)
        return min(self._processors, -(-quarters // _QUARTERS))

    def _memory_mib(self, guests: dict[str, Path]) -> int:
        lines = (self._proc / "meminfo").read_text().splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest}
        resident = sum(_resident_kib(process) for process in guests.values())
        return -(-max(0, kib["MemTotal"] - kib["MemAvailable"] - resident) // _KIB_PER_MIB)

    def _stat(self) -> list[int]:
        """Ticks of all processors: user, nice, system, idle, waiting for disks, interrupts, soft ones and more."""
        return [int(word) for word in (self._proc / "stat").read_text().splitlines()[0].split()[1:]]

    def _guest_processes(self) -> Iterator[Path]:
        for process in self._proc.iterdir():
            if process.name.isdigit():
                with suppress(OSError):  # it has ended
                    if _GUEST in (process / "cmdline").read_bytes():
                        yield process


def _ticks(process: Path) -> int:
    """User and system time. The command's name, which may hold anything, stands in brackets before."""
    try:
        words = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(words[11]) + int(words[12])


def _resident_kib(process: Path) -> int:
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
