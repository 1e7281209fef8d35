"""What is free and which rectangles cover it, against a reckoning minute by minute."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from common.minutes import Window
from market.reseller.supply import (
    Height,
    Rectangle,
    Taken,
    Vector,
    largest,
    plus,
    raised,
    sweep,
    widened,
)

WINDOW = Window(10, 40)
vectors = st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 3))
takens = st.lists(
    st.builds(
        lambda start, length, amount: Taken(start, start + length, amount),
        st.integers(0, 45),
        st.integers(1, 30),
        vectors,
    ),
    max_size=6,
)


@st.composite
def heights(draw: st.DrawFn) -> list[Height]:
    made, minute = [], 0
    for length in draw(st.lists(st.integers(1, 4), min_size=1, max_size=7)):
        made.append(Height(minute, minute + length, draw(st.integers(0, 4))))
        minute += length
    return made


def by_minute(given_heights: list[Height]) -> list[int]:
    return [height.slices for height in given_heights for _ in range(height.end - height.start)]


def rectangles(given_heights: list[Height], shortest: int) -> list[Rectangle]:
    levels = by_minute(given_heights)
    return [
        Rectangle(start, end, min(levels[start:end]))
        for start in range(len(levels))
        for end in range(start + shortest, len(levels) + 1)
        if min(levels[start:end]) > 0
    ]


@given(st.lists(takens, min_size=1, max_size=3))
def test_a_sweep_says_for_every_minute_what_each_layer_takes(layers: list[list[Taken]]) -> None:
    stretches = sweep(WINDOW, layers)
    assert [stretches[0].start, stretches[-1].end] == [WINDOW.start, WINDOW.end]
    assert all(one.end == next_.start for one, next_ in itertools.pairwise(stretches))
    for stretch in stretches:
        for minute in range(stretch.start, stretch.end):
            for level, layer in zip(stretch.layers, layers, strict=True):
                there: Vector = (0, 0, 0)
                for taken in layer:
                    there = plus(there, taken.amount, taken.start <= minute < taken.end)
                assert level == there


@given(heights(), st.integers(1, 6))
def test_the_largest_rectangle_is_the_largest(given_heights: list[Height], shortest: int) -> None:
    found, possible = largest(given_heights, shortest), rectangles(given_heights, shortest)
    assert (found is None) == (not possible)
    if found is not None:
        assert found in possible
        assert found.area == max(rectangle.area for rectangle in possible)


@given(heights(), st.data())
def test_an_offer_grows_only_over_what_is_free(given_heights: list[Height], data: st.DataObject) -> None:
    start = data.draw(st.sampled_from([height.start for height in given_heights]))
    end = data.draw(st.sampled_from([height.end for height in given_heights if height.end > start]))
    core = Rectangle(start, end, data.draw(st.integers(1, 4)))
    levels = by_minute(given_heights)
    wide = widened(given_heights, core)
    assert all(levels[minute] >= core.slices for minute in range(wide.start, wide.end) if not start <= minute < end)
    assert wide.start == 0 or levels[wide.start - 1] < core.slices
    assert wide.end == len(levels) or levels[wide.end] < core.slices
    assert raised(given_heights, Rectangle(start, end, 0)).slices == min(levels[start:end])
