"""Paired timing: both sides in turn, several times, the ratio from the medians of the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def paired(first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> tuple[float, float]:
    """Median seconds of each, run in turn after one warm-up of both."""
    first()
    second()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for taken, work in zip(seconds, (first, second), strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return median(seconds[0]), median(seconds[1])
