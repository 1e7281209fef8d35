"""Both clocks of a deployment; no other file reads the system's time.

**Market time** (windows, minutes, periods) is a straight line through a stored anchor, and may run faster than real
time. **Real time** rules leases, heartbeats and time-outs. Both are small ports, so that a simulation can drive them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from common.minutes import MICROS_PER_MINUTE

NANOS_PER_MICRO = 1000


class RealClock(Protocol):
    """Elapsing time that no speed-up touches."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never goes back."""

    def wall_micros(self) -> int:
        """Microseconds since the Unix epoch."""

    def working(self) -> float:
        """Seconds that the calling thread has worked, since an arbitrary point: time spent waiting is not in it."""


class SystemClock:
    """Real time from the operating system. Wall time is read once; afterwards it advances with the monotonic clock, so
    that a system clock that is set back does not turn time round inside a process."""

    def __init__(self) -> None:
        self._wall_ns = time.time_ns()
        self._monotonic_ns = time.monotonic_ns()

    def monotonic(self) -> float:
        """Seconds since an arbitrary point."""
        return time.monotonic()

    def working(self) -> float:
        """Seconds of processor time of the calling thread."""
        return time.thread_time()

    def wall_micros(self) -> int:
        """Microseconds since the Unix epoch."""
        return (self._wall_ns + time.monotonic_ns() - self._monotonic_ns) // NANOS_PER_MICRO


@dataclass(frozen=True, slots=True)
class ClockAnchor:
    """The line of market time: at wall time `wall_micros` it was `market_micros`, and it runs `speed` times as fast."""

    wall_micros: int
    market_micros: int
    speed: int = 1


class MarketClock:
    """Market time of one deployment. All processes and agents share the anchor, and with it the time."""

    def __init__(self, anchor: ClockAnchor, real: RealClock) -> None:
        self.anchor = anchor
        self.real = real

    def now_micros(self) -> int:
        """Microseconds of market time since the Unix epoch."""
        elapsed = self.real.wall_micros() - self.anchor.wall_micros
        return self.anchor.market_micros + elapsed * self.anchor.speed

    def now_ms(self) -> int:
        """Milliseconds of market time since the Unix epoch."""
        return self.now_micros() // 1000

    def minute(self) -> int:
        """The market minute that is running now."""
        return self.now_micros() // MICROS_PER_MINUTE

    def minute_at(self, instant: datetime) -> int:
        """The market minute that ran at an instant of real time."""
        elapsed = round(instant.timestamp() * 1_000_000) - self.anchor.wall_micros
        return (self.anchor.market_micros + elapsed * self.anchor.speed) // MICROS_PER_MINUTE

    def now(self) -> datetime:
        """Market time as an instant in UTC."""
        return datetime.fromtimestamp(self.now_micros() / 1_000_000, UTC)

    def real_seconds_until(self, minute: int) -> float:
        """Real seconds until the market minute begins; not negative."""
        missing = minute * MICROS_PER_MINUTE - self.now_micros()
        return max(0.0, missing / (self.anchor.speed * 1_000_000))
