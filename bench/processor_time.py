"""Processor time, of this process and, from /proc, of others: the steadier measure on a machine that others use too."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """What this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def seconds_of(pid: int) -> float:
    """What the process has used, with its children that have ended. 0 for one that is gone."""
    fields = _fields(pid)
    return 0.0 if fields is None else sum(map(int, fields[11:15])) / _TICKS


def seconds_of_family(pid: int) -> float:
    """The same with its children that still run."""
    return seconds_of(pid) + sum(seconds_of(child) for child in _pids() if parent_of(child) == pid)


def parent_of(pid: int) -> int | None:
    """The parent's number; None for a process that is gone."""
    fields = _fields(pid)
    return None if fields is None else int(fields[1])


def child_named(name: str, parent: int) -> int:
    """The one child of that process that runs this program."""
    [found] = [pid for pid in _pids() if parent_of(pid) == parent and _name(pid) == name]
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _fields(pid: int) -> list[str] | None:
    """From the state on: behind the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
