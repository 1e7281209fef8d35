"""The remaining supply of an ask, as a step function from minutes to slices. The rule asks it where a window fits.

A profile never changes: every operation gives a new one. So taking a trade back means putting the old one back.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

Runs = tuple[list[int], list[int]]
"""Starts and ends of stretches of minutes, in order; no two touch."""


class Profile:
    """Slices at every minute: `levels[i]` from `minutes[i]` up to the next of `minutes`; none before the first.

    The form is canonical: neighbouring levels differ, the first is not 0 and the last is 0. So equal functions have
    equal tuples. `highest` is the highest level.
    """

    __slots__ = ("_runs", "highest", "levels", "minutes")

    def __init__(self, minutes: tuple[int, ...], levels: tuple[int, ...]) -> None:
        self.minutes = minutes
        self.levels = levels
        if len(levels) == 2:
            self.highest = levels[0]
        else:
            self.highest = max(levels) if levels else 0
        self._runs: dict[int, Runs] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.minutes == other.minutes and self.levels == other.levels

    def __hash__(self) -> int:
        return hash((self.minutes, self.levels))

    def __repr__(self) -> str:
        return f"Profile({dict(zip(self.minutes, self.levels, strict=True))})"

    @property
    def slice_minutes(self) -> int:
        """The sum over all minutes."""
        area = 0
        for index in range(len(self.minutes) - 1):
            area += self.levels[index] * (self.minutes[index + 1] - self.minutes[index])
        return area

    @property
    def stretches(self) -> tuple[tuple[int, int, int], ...]:
        """Start, end and slices of each stretch of minutes with the same number of slices, where there are any."""
        edges = zip(self.minutes, self.minutes[1:], self.levels, strict=False)
        return tuple((start, end, level) for start, end, level in edges if level)

    def level(self, minute: int) -> int:
        """Slices at the minute."""
        index = bisect_right(self.minutes, minute) - 1
        return self.levels[index] if index >= 0 else 0

    def lowest(self, start: int, end: int) -> int:
        """Fewest slices at any minute of [start, end), which must not be empty."""
        minutes, levels = self.minutes, self.levels
        if len(minutes) == 2:
            return levels[0] if start >= minutes[0] and end <= minutes[1] else 0
        first = bisect_right(minutes, start) - 1
        if first < 0:
            return 0
        after = bisect_left(minutes, end)
        return levels[first] if after == first + 1 else min(levels[first:after])

    def highest_from(self, minute: int) -> int:
        """Most slices at any minute from this one on."""
        if not self.minutes:
            return 0
        return max(self.levels[max(bisect_right(self.minutes, minute) - 1, 0) :])

    def has_slice_from(self, minute: int) -> bool:
        """Whether any minute from this one on has a slice."""
        return bool(self.minutes) and self.minutes[-1] > minute

    def slice_minutes_from(self, minute: int) -> int:
        """The sum over all minutes from this one on."""
        return self.from_minute(minute).slice_minutes

    def earliest_start(self, slices: int, duration: int, first: int, last: int) -> int | None:
        """The earliest start in [first, last] of `duration` minutes with `slices` (1 or more) at each of them."""
        minutes = self.minutes
        if len(minutes) == 2:  # one stretch, as in every ask that has not traded
            start = minutes[0]
            if start < first:
                start = first
            return start if start <= last and start + duration <= minutes[1] and slices <= self.highest else None
        known = self._runs
        runs = known.get(slices) if known is not None else None
        starts, ends = runs if runs is not None else self.runs(slices)
        index = bisect_left(ends, first + duration)
        while index < len(ends):
            start = starts[index]
            if start < first:
                start = first
            if start > last:
                return None
            if start + duration <= ends[index]:
                return start
            index += 1
        return None

    def runs(self, slices: int) -> Runs:
        """The longest stretches with so many slices (1 or more) at each minute, kept for the next one who asks."""
        known = self._runs
        if known is None:
            known = self._runs = {}
        runs = known.get(slices)
        if runs is None:
            runs = known[slices] = self._found_runs(slices)
        return runs

    def latest_start(self, duration: int) -> int | None:
        """The latest start of `duration` consecutive minutes with a slice at each, or None if there is none.

        A stretch of that length is left from a minute on if, and only if, this start is not before that minute.
        """
        minutes, levels = self.minutes, self.levels
        if len(minutes) == 2:
            latest = minutes[1] - duration
            return latest if latest >= minutes[0] else None
        index = len(minutes) - 1
        while index > 0:  # a stretch ends where the level at `index` is 0
            end = minutes[index]
            index -= 1
            while index > 0 and levels[index - 1] and end - minutes[index] < duration:
                index -= 1
            if end - minutes[index] >= duration:
                return end - duration
            index -= 1
        return None

    def from_minute(self, minute: int) -> Profile:
        """The same without the minutes before this one."""
        minutes, levels = self.minutes, self.levels
        if not minutes or minutes[0] >= minute:
            return self
        index = bisect_right(minutes, minute) - 1
        if levels[index]:
            return Profile((minute, *minutes[index + 1 :]), levels[index:])
        return Profile(minutes[index + 1 :], levels[index + 1 :])

    def lowered(self, slices: int) -> Profile:
        """With so many slices fewer at every minute, where there are as many, and none where there are not."""
        minutes: list[int] = []
        levels: list[int] = []
        before = 0
        for minute, level in zip(self.minutes, self.levels, strict=True):
            left = max(0, level - slices)
            if left != before:
                minutes.append(minute)
                levels.append(left)
                before = left
        return Profile(tuple(minutes), tuple(levels))

    def take(self, slices: int, start: int, end: int) -> Profile:
        """With so many slices (1 or more) fewer at every minute of [start, end). There must be that many."""
        minutes, levels = self.minutes, self.levels
        size = len(minutes)
        if size == 2 and minutes[0] == start and minutes[1] == end and levels[0] >= slices:
            return EMPTY if levels[0] == slices else Profile(minutes, (levels[0] - slices, 0))

        head = bisect_left(minutes, start)  # breakpoints that stay in front
        before = levels[head - 1] if head else 0
        inner = head + 1 if head < size and minutes[head] == start else head
        at_start = levels[head] if inner > head else before

        after = bisect_left(minutes, end, inner)  # those inside are inner..after
        tail = after + 1 if after < size and minutes[after] == end else after
        at_end = levels[tail - 1] if tail else 0

        left = (at_start - slices, *[level - slices for level in levels[inner:after]])
        if min(left) < 0:
            raise AssertionError(f"a profile would fall below zero in [{start}, {end})")
        points = (start, *minutes[inner:after])
        # Levels inside keep their differences: only the two seams can become equal to their neighbours.
        last = left[-1]
        if left[0] == before:
            points, left = points[1:], left[1:]
        if last != at_end:
            points, left = (*points, end), (*left, at_end)
        return Profile(minutes[:head] + points + minutes[tail:], levels[:head] + left + levels[tail:])

    def _found_runs(self, slices: int) -> Runs:
        starts: list[int] = []
        ends: list[int] = []
        is_open = False
        for minute, level in zip(self.minutes, self.levels, strict=True):
            if (level >= slices) != is_open:
                (ends if is_open else starts).append(minute)
                is_open = not is_open
        return starts, ends


EMPTY = Profile((), ())


def window_profile(slices: int, start: int, end: int) -> Profile:
    """So many slices (1 or more) at every minute of [start, end); nothing if that is empty."""
    return Profile((start, end), (slices, 0)) if start < end else EMPTY


def stepped_profile(changes: Mapping[int, int]) -> Profile:
    """The level changes by so much at each of the minutes, which add up to 0 and never to less on the way."""
    minutes: list[int] = []
    levels: list[int] = []
    level = 0
    for minute in sorted(changes):
        if changes[minute]:
            level += changes[minute]
            minutes.append(minute)
            levels.append(level)
    return Profile(tuple(minutes), tuple(levels))
