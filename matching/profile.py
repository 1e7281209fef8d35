"""The remaining supply of an ask, as a step function from minutes to slices. The rule asks it where a window fits.

A profile never changes: every operation gives a new one. So taking a trade back means putting the old one back.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Profile:
    """Slices at every minute: `levels[i]` from `minutes[i]` up to the next of `minutes`; none before the first.

    The form is canonical: neighbouring levels differ, the first is not 0 and the last is 0. So equal functions have
    equal tuples. `slice_minutes` is the sum over all minutes, `highest` the highest level.
    """

    __slots__ = ("highest", "levels", "minutes", "slice_minutes")

    def __init__(self, minutes: tuple[int, ...], levels: tuple[int, ...], slice_minutes: int) -> None:
        self.minutes = minutes
        self.levels = levels
        self.slice_minutes = slice_minutes
        self.highest = max(levels) if levels else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.minutes == other.minutes and self.levels == other.levels

    def __hash__(self) -> int:
        return hash((self.minutes, self.levels))

    def __repr__(self) -> str:
        return f"Profile({dict(zip(self.minutes, self.levels, strict=True))})"

    def level(self, minute: int) -> int:
        """Slices at the minute."""
        index = bisect_right(self.minutes, minute) - 1
        return self.levels[index] if index >= 0 else 0

    def lowest(self, start: int, end: int) -> int:
        """Fewest slices at any minute of [start, end), which must not be empty."""
        minutes = self.minutes
        first = bisect_right(minutes, start) - 1
        if first < 0:
            return 0
        after = bisect_left(minutes, end)
        return self.levels[first] if after == first + 1 else min(self.levels[first:after])

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
        minutes, levels = self.minutes, self.levels
        size = len(minutes)
        index = bisect_right(minutes, first) - 1
        start = first
        while start <= last:
            if index >= 0 and levels[index] >= slices:
                index += 1  # exists: the last level is 0
                if minutes[index] - start >= duration:
                    return start
            else:
                index += 1
                if index == size:
                    return None
                start = minutes[index]
        return None

    def latest_start(self, duration: int) -> int | None:
        """The latest start of `duration` consecutive minutes with a slice at each, or None if there is none.

        A stretch of that length is left from a minute on if, and only if, this start is not before that minute.
        """
        minutes, levels = self.minutes, self.levels
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
            return step_function((minute, *minutes[index + 1 :]), levels[index:])
        return step_function(minutes[index + 1 :], levels[index + 1 :])

    def take(self, slices: int, start: int, end: int) -> Profile:
        """With so many slices fewer at every minute of [start, end). There must be that many."""
        return self._changed(-slices, start, end)

    def add(self, slices: int, start: int, end: int) -> Profile:
        """With so many slices more at every minute of [start, end)."""
        return self._changed(slices, start, end)

    def plus(self, other: Profile) -> Profile:
        """The sum at every minute."""
        result = self
        for index, level in enumerate(other.levels):
            if level:
                result = result.add(level, other.minutes[index], other.minutes[index + 1])
        return result

    def minus(self, other: Profile) -> Profile:
        """The difference at every minute. The other one must not be above this one anywhere."""
        result = self
        for index, level in enumerate(other.levels):
            if level:
                result = result.take(level, other.minutes[index], other.minutes[index + 1])
        return result

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
        return step_function(tuple(minutes), tuple(levels))

    def _changed(self, change: int, start: int, end: int) -> Profile:
        minutes, levels = self.minutes, self.levels
        size = len(minutes)

        head = bisect_left(minutes, start)  # breakpoints that stay in front
        before = levels[head - 1] if head else 0
        inner = head + 1 if head < size and minutes[head] == start else head
        at_start = levels[head] if inner > head else before

        after = bisect_left(minutes, end, inner)  # those inside are inner..after
        tail = after + 1 if after < size and minutes[after] == end else after
        at_end = levels[tail - 1] if tail else 0

        changed = (at_start + change, *[level + change for level in levels[inner:after]])
        if change < 0 and min(changed) < 0:
            raise AssertionError(f"a profile would fall below zero in [{start}, {end})")
        points = (start, *minutes[inner:after])
        # Levels inside keep their differences: only the two seams can become equal to their neighbours.
        last = changed[-1]
        if changed[0] == before:
            points, changed = points[1:], changed[1:]
        if last != at_end:
            points, changed = (*points, end), (*changed, at_end)
        return Profile(
            minutes[:head] + points + minutes[tail:],
            levels[:head] + changed + levels[tail:],
            self.slice_minutes + change * (end - start),
        )


EMPTY = Profile((), (), 0)


def window_profile(slices: int, start: int, end: int) -> Profile:
    """So many slices (1 or more) at every minute of [start, end); nothing if that is empty."""
    return Profile((start, end), (slices, 0), slices * (end - start)) if start < end else EMPTY


def step_function(minutes: tuple[int, ...], levels: tuple[int, ...]) -> Profile:
    """The profile in canonical form, measured."""
    area = 0
    for index in range(len(minutes) - 1):
        area += levels[index] * (minutes[index + 1] - minutes[index])
    return Profile(minutes, levels, area)
