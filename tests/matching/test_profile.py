from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.profile import EMPTY, Profile, stepped_profile, window_profile

SPAN = 24
"""Minutes that the properties look at: profiles live in the first 20 of them."""

Change = tuple[int, int, int]
changes = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 15), st.integers(1, 5)), max_size=6)
minutes = st.integers(0, SPAN)


def built(parts: list[Change]) -> tuple[Profile, dict[int, int]]:
    """A profile made of windows, some of which are taken again where that is possible, and the dict that it equals."""
    plain = dict.fromkeys(range(-1, SPAN * 2), 0)
    steps: Counter[int] = Counter()
    for slices, start, length in parts[::2]:
        steps[start] += slices
        steps[start + length] -= slices
        for minute in range(start, start + length):
            plain[minute] += slices
    profile = stepped_profile(steps)
    for slices, start, length in parts[1::2]:
        if profile.lowest(start, start + length) >= slices:
            profile = profile.take(slices, start, start + length)
            for minute in range(start, start + length):
                plain[minute] -= slices
    return profile, plain


@given(changes)
def test_a_profile_equals_a_dict_of_minutes(parts: list[Change]) -> None:
    profile, plain = built(parts)
    assert {minute: profile.level(minute) for minute in plain} == plain
    assert profile.slice_minutes == sum(plain.values())
    assert profile.highest == max(plain.values())


@given(changes)
def test_equal_functions_have_one_form(parts: list[Change]) -> None:
    profile, plain = built(parts)
    rebuilt = stepped_profile({minute: plain[minute] - plain[minute - 1] for minute in range(SPAN)})
    assert profile == rebuilt
    assert all(left != right for left, right in zip((0, *profile.levels), profile.levels, strict=False))
    assert not profile.levels or profile.levels[-1] == 0


@given(changes, st.integers(1, 6))
def test_runs_are_the_longest_stretches_with_so_many_slices(parts: list[Change], slices: int) -> None:
    profile, plain = built(parts)
    starts = [at for at in range(SPAN) if plain[at] >= slices > plain[at - 1]]
    ends = [at for at in range(SPAN) if plain[at] < slices <= plain[at - 1]]
    assert profile.runs(slices) == (starts, ends)


@given(changes, minutes, st.integers(1, 8))
def test_lowest_is_the_minimum_over_the_window(parts: list[Change], start: int, length: int) -> None:
    profile, plain = built(parts)
    assert profile.lowest(start, start + length) == min(plain[minute] for minute in range(start, start + length))


@given(changes, st.integers(1, 5), st.integers(1, 6), minutes, minutes)
def test_the_earliest_start_is_the_first_that_fits(
    parts: list[Change], slices: int, duration: int, first: int, last: int
) -> None:
    profile, plain = built(parts)
    fitting = (
        start
        for start in range(first, last + 1)
        if all(plain[minute] >= slices for minute in range(start, start + duration))
    )
    assert profile.earliest_start(slices, duration, first, last) == next(fitting, None)


@given(changes, st.integers(1, 12))
def test_the_latest_start_is_the_last_with_a_slice_throughout(parts: list[Change], duration: int) -> None:
    profile, plain = built(parts)
    fitting = (
        start for start in reversed(range(SPAN)) if all(plain[minute] for minute in range(start, start + duration))
    )
    assert profile.latest_start(duration) == next(fitting, None)


@given(changes, minutes)
def test_what_is_left_from_a_minute_on(parts: list[Change], minute: int) -> None:
    profile, plain = built(parts)
    left = {at: slices for at, slices in plain.items() if at >= minute}
    assert profile.slice_minutes_from(minute) == sum(left.values())
    assert profile.has_slice_from(minute) == any(left.values())
    assert profile.highest_from(minute) == max(left.values())
    cut = profile.from_minute(minute)
    assert {at: cut.level(at) for at in plain} == {at: left.get(at, 0) for at in plain}
    assert cut.slice_minutes == sum(left.values())


@given(changes, st.integers(1, 6))
def test_lowering_takes_from_every_minute_but_not_below_zero(given_changes: list[Change], slices: int) -> None:
    profile, plain = built(given_changes)
    left = profile.lowered(slices)
    expected = {at: max(0, level - slices) for at, level in plain.items()}
    assert {at: left.level(at) for at in plain} == expected
    assert left.slice_minutes == sum(expected.values())
    assert left == stepped_profile({at: expected[at] - expected[at - 1] for at in range(SPAN)}), "the form is canonical"


def test_a_profile_never_falls_below_zero() -> None:
    profile = window_profile(3, 10, 20).take(2, 12, 14)
    for start, end in ((11, 13), (9, 11), (19, 21), (30, 31)):
        with pytest.raises(AssertionError, match="below zero"):
            profile.take(2, start, end)


def test_a_window_without_minutes_is_empty() -> None:
    assert window_profile(3, 10, 10) == window_profile(3, 10, 9) == EMPTY
    assert EMPTY.earliest_start(1, 1, 0, 100) is None
    assert EMPTY.latest_start(1) is None


def test_taking_everything_leaves_the_empty_profile() -> None:
    assert window_profile(3, 10, 20).take(3, 10, 20) == EMPTY
