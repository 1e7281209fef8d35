from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.clock import ClockAnchor, MarketClock, SystemClock


@dataclass
class HandClock:
    """A real clock that stands until it is moved."""

    micros: int = 0

    def monotonic(self) -> float:
        return self.micros / 1_000_000

    def working(self) -> float:
        return self.monotonic()

    def wall_micros(self) -> int:
        return self.micros


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(1, 1000), st.integers(0, 10**12))
def test_market_time_runs_so_many_times_as_fast_from_its_anchor(
    wall: int, market: int, speed: int, elapsed: int
) -> None:
    hand = HandClock(wall)
    clock = MarketClock(ClockAnchor(wall, market, speed), hand)
    assert clock.now_micros() == market
    hand.micros += elapsed
    assert clock.now_micros() == market + elapsed * speed


@given(st.integers(0, 10**14), st.integers(1, 1000), st.integers(1, 1000))
def test_after_the_real_seconds_until_a_minute_it_has_begun(now: int, speed: int, ahead: int) -> None:
    hand = HandClock()
    clock = MarketClock(ClockAnchor(0, now, speed), hand)
    minute = clock.minute() + ahead
    hand.micros += round(clock.real_seconds_until(minute) * 1_000_000) + 1
    assert clock.minute() >= minute
    assert clock.real_seconds_until(minute) == 0


@given(st.integers(0, 10**14), st.integers(1, 1000), st.integers(0, 10**12))
def test_an_instant_of_real_time_belongs_to_the_minute_that_ran_then(now: int, speed: int, elapsed: int) -> None:
    hand = HandClock()
    clock = MarketClock(ClockAnchor(0, now, speed), hand)
    hand.micros += elapsed
    assert clock.minute_at(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=hand.micros)) == clock.minute()


def test_system_time_never_goes_back() -> None:
    clock = SystemClock()
    readings = [clock.wall_micros() for _ in range(1000)]
    assert readings == sorted(readings)
