"""What the node has: measured by the agent, and never more than the provider declared."""

from __future__ import annotations

import os
from pathlib import Path

from common.errors import Unavailable
from common.wire import Capacity

KIB_PER_MIB = 1024
BYTES_PER_GIB = 2**30


def measure(folder: Path, meminfo: Path = Path("/proc/meminfo")) -> Capacity:
    """CPUs and memory of the machine, and the size of the filesystem that holds `folder`. Raises Unavailable."""
    disk = os.statvfs(folder)
    return Capacity(
        vcpus=os.cpu_count() or 1,
        memory_mib=_memory_kib(meminfo.read_text()) // KIB_PER_MIB,
        disk_gib=disk.f_blocks * disk.f_frsize // BYTES_PER_GIB,
    )


def capacity_of(folder: Path, declared: Capacity | None, *, trusted: bool) -> Capacity:
    """What the agent says of its node: measured and capped, or what was declared where that is to be `trusted`: where
    guests are only simulated, or several nodes of a demo share a machine."""
    return declared if trusted and declared is not None else capped(measure(folder), declared)


def capped(measured: Capacity, declared: Capacity | None) -> Capacity:
    """The smaller of both, for each resource. A hypervisor may know less than there is, so the provider declares."""
    if declared is None:
        return measured
    return Capacity(
        vcpus=min(measured.vcpus, declared.vcpus),
        memory_mib=min(measured.memory_mib, declared.memory_mib),
        disk_gib=min(measured.disk_gib, declared.disk_gib),
    )


def _memory_kib(meminfo: str) -> int:
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1])
    raise Unavailable("hypervisor_failed", "the machine does not tell its memory")
