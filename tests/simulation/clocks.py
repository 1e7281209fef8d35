"""Simulated time: where it begins, how fast the market lives, and each process's own clock, which may be off."""

from __future__ import annotations

from dataclasses import dataclass

from common.clock import ClockAnchor
from common.minutes import MICROS_PER_MINUTE, month_window
from tests.simulation.loop import SimulatedLoop

SPEED = 120
"""A market minute lasts half a real second."""
WALL_MICROS = 1_790_000_000_000_000
"""Real time at the beginning, since the Unix epoch."""
NEAR_THE_END = month_window("2026-11").end - 20
"""A market minute from which a simulation lives to see the month's end."""
IN_THE_MIDDLE = month_window("2026-11").start + 20_000


@dataclass
class SimulatedClock:
    """A process's real time. Its wall clock is `skew_micros` ahead of everybody's."""

    loop: SimulatedLoop
    skew_micros: int = 0

    def monotonic(self) -> float:
        return self.loop.time()

    def working(self) -> float:
        return self.loop.time()

    def wall_micros(self) -> int:
        return WALL_MICROS + self.loop.time_micros() + self.skew_micros


def anchor_at(minute: int) -> ClockAnchor:
    """The line of market time of a deployment that begins at this market minute."""
    return ClockAnchor(WALL_MICROS, minute * MICROS_PER_MINUTE, SPEED)
