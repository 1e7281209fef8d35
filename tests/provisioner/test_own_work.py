from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.clock import SystemClock
from provisioner.own_work import WINDOW_SECONDS, OwnWork

TICKS = 100


class Machine:
    """A /proc of four processors, and a clock that stands."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.seconds = 0.0
        self.own = self.guest = 0
        self.work = OwnWork(self, 4, proc)
        (proc / "self").mkdir()
        self.process("7", "qemu-system-x86_64\0-name\0guest=con_01,debug-threads=on", 0, 300_000)
        self.process("8", "database\0--guest", 0, 5_000_000)
        self.pass_seconds(0)

    def monotonic(self) -> float:
        return self.seconds

    def working(self) -> float:
        return self.seconds

    def wall_micros(self) -> int:
        return int(self.seconds * 1_000_000)

    def process(self, name: str, command: str, ticks: int, resident_kib: int) -> None:
        folder = self.proc / name
        folder.mkdir(exist_ok=True)
        (folder / "cmdline").write_text(command)
        (folder / "stat").write_text(f"{name} (a ) b) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 5")
        (folder / "status").write_text(f"Name:\tx\nVmRSS:\t{resident_kib} kB\n")

    def pass_seconds(self, seconds: float, *, own: float = 0, guest: float = 0) -> None:
        """So many processors are busy meanwhile with own work, and with the guest."""
        self.seconds += seconds
        self.own += int(own * seconds * TICKS)
        self.guest += int(guest * seconds * TICKS)
        if (self.proc / "7").exists():
            self.process("7", "qemu-system-x86_64\0-name\0guest=con_01,debug-threads=on", self.guest, 300_000)
        idle = int(4 * self.seconds * TICKS) - self.own - self.guest
        (self.proc / "stat").write_text(f"cpu {self.own + self.guest} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1\n")
        (self.proc / "meminfo").write_text("MemTotal: 8000000 kB\nMemFree: 1 kB\nMemAvailable: 5000000 kB\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_memory_is_what_is_in_use_and_no_guest_s(machine: Machine) -> None:
    assert machine.work.measure().memory_mib == -(-2_700_000 // 1024)


@pytest.mark.parametrize(
    ("own", "guest", "vcpus"), [(0, 0, 0), (0.2, 3, 0), (0.3, 3, 1), (1.0, 2, 1), (1.3, 2, 2), (4, 0, 4)]
)
def test_processors_are_what_is_busy_and_no_guest_s(machine: Machine, own: float, guest: float, vcpus: int) -> None:
    assert machine.work.measure().vcpus == 0
    for _ in range(10):
        machine.pass_seconds(10, own=own, guest=guest)
        measured = machine.work.measure()
    assert measured.vcpus == vcpus


def test_a_burst_is_spread_over_the_window_and_then_forgotten(machine: Machine) -> None:
    machine.work.measure()
    for own in (*[0] * 29, 2):
        machine.pass_seconds(10, own=own)
        assert machine.work.measure().vcpus == 0
    for _ in range(30):
        machine.pass_seconds(10, own=2)
    assert machine.work.measure().vcpus == 2
    for _ in range(int(WINDOW_SECONDS) // 10 + 1):
        machine.pass_seconds(10)
        measured = machine.work.measure()
    assert measured.vcpus == 0


def test_a_guest_that_ends_turns_no_own_work(machine: Machine) -> None:
    machine.work.measure()
    for _ in range(20):
        machine.pass_seconds(10, guest=4)
        machine.work.measure()
    for file in (machine.proc / "7").iterdir():
        file.unlink()
    (machine.proc / "7").rmdir()
    machine.pass_seconds(10)
    assert machine.work.measure().vcpus == 0


def test_a_real_machine_is_measured() -> None:
    measured = OwnWork(SystemClock(), os.cpu_count() or 1).measure()
    assert 0 < measured.memory_mib < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
