"""Paired timing: both sides in turn, several times, the ratio from the medians of the same run."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from common.clock import SystemClock


def paired(first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> tuple[float, float]:
    """Median seconds of each, run in turn after one warm-up of both."""
    clock = SystemClock()
    first()
    second()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for taken, work in zip(seconds, (first, second), strict=True):
            started = clock.monotonic()
            work()
            taken.append(clock.monotonic() - started)
    return median(seconds[0]), median(seconds[1])
