from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from common.minutes import Window, minute_of, minute_text, month_of, month_window, parse_minute

minutes = st.integers(0, 100_000_000)


@given(minutes)
def test_a_printed_minute_reads_back_as_itself(minute: int) -> None:
    assert parse_minute(minute_text(minute), field="start") == minute


@given(minutes)
def test_every_minute_lies_in_its_own_month(minute: int) -> None:
    assert minute in month_window(month_of(minute))


@given(st.integers(1971, 2150), st.integers(1, 12))
def test_months_follow_each_other_without_a_gap(year: int, month: int) -> None:
    window = month_window(f"{year:04d}-{month:02d}")
    assert month_of(window.start) == f"{year:04d}-{month:02d}"
    assert month_of(window.start - 1) != month_of(window.start)
    assert month_window(month_of(window.end)).start == window.end


def test_an_offset_is_turned_into_utc() -> None:
    assert parse_minute("2026-11-30T23:15:00+01:00", field="start") == minute_of(
        datetime(2026, 11, 30, 22, 15, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-11-30T23:15:01Z", "off_grid"),
        ("2026-11-30T23:15:00.5Z", "off_grid"),
        ("2026-11-30T23:15:00", "invalid_field"),
        ("2026-02-30T00:00:00Z", "invalid_field"),
        ("0001-01-01T00:00:00+23:59", "invalid_field"),
        ("tomorrow", "invalid_field"),
        ("2026-11-30", "invalid_field"),
    ],
)
def test_what_is_no_minute_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_minute(text, field="start_from")
    assert (refused.value.code, refused.value.field) == (code, "start_from")


@given(minutes, st.integers(1, 5000), minutes, st.integers(1, 5000))
def test_windows_overlap_exactly_when_they_share_a_minute(a: int, long: int, b: int, wide: int) -> None:
    first, second = Window(a, a + long), Window(b, b + wide)
    assert first.overlaps(second) == second.overlaps(first) == (max(a, b) < min(a + long, b + wide))


@given(minutes, st.integers(0, 10))
def test_a_window_is_never_empty(start: int, backwards: int) -> None:
    with pytest.raises(InvalidInput):
        Window(start, start - backwards)


def test_a_leap_day_has_its_minutes() -> None:
    assert month_window("2028-02").minutes == timedelta(days=29) // timedelta(minutes=1)
