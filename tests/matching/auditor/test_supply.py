"""Stretches of minutes say the same as a list with an entry for every minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matching.auditor.supply import Supply, at, last_start, lower, lowest, sell, slice_minutes, whole

FIRST, MINUTES, SLICES = 100, 12, 5
changes = st.lists(
    st.tuples(st.booleans(), st.integers(0, MINUTES - 1), st.integers(1, MINUTES), st.integers(1, 3)), max_size=6
)


def played(given_changes: list[tuple[bool, int, int, int]]) -> tuple[Supply, list[int]]:
    """The same sales and reductions on both."""
    supply, levels = whole(SLICES, FIRST, FIRST + MINUTES), [SLICES] * MINUTES
    for is_sale, start, length, slices in given_changes:
        end = min(MINUTES, start + length)
        if not is_sale:
            supply, levels = lower(supply, slices), [max(0, level - slices) for level in levels]
        elif min(levels[start:end]) >= slices:
            supply = sell(supply, slices, FIRST + start, FIRST + end)
            levels = [level - slices * (start <= minute < end) for minute, level in enumerate(levels)]
    return supply, levels


@given(changes, st.integers(0, MINUTES - 1), st.integers(1, MINUTES))
def test_a_supply_is_its_minutes(given_changes: list[tuple[bool, int, int, int]], start: int, length: int) -> None:
    supply, levels = played(given_changes)
    assert [at(supply, FIRST + minute) for minute in range(MINUTES)] == levels
    assert (at(supply, FIRST - 1), at(supply, FIRST + MINUTES)) == (0, 0)
    assert slice_minutes(supply) == sum(levels)
    end = min(MINUTES, start + length)
    assert lowest(supply, FIRST + start, FIRST + end) == min(levels[start:end])
    starts = [minute for minute in range(MINUTES - length + 1) if min(levels[minute : minute + length]) > 0]
    assert last_start(supply, length) == (FIRST + starts[-1] if starts else None)


def test_an_empty_window_has_no_supply() -> None:
    assert whole(3, 10, 10) == ()
    assert last_start((), 1) is None
