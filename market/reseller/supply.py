"""What of a node is free at every minute to come, and which rectangles of slices x minutes cover it best. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.minutes import Window
from common.wire import Capacity

Vector = tuple[int, int, int]
"""vCPUs, MiB of memory, GiB of disk."""


@dataclass(frozen=True, slots=True)
class Taken:
    """So much of the node is taken during [start, end)."""

    start: int
    end: int
    amount: Vector


@dataclass(frozen=True, slots=True)
class Stretch:
    """Minutes [start, end) during which nothing changes: what each layer takes."""

    start: int
    end: int
    layers: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Height:
    """So many slices during [start, end)."""

    start: int
    end: int
    slices: int


@dataclass(frozen=True, slots=True)
class Rectangle:
    """The same slices at every minute of [start, end)."""

    start: int
    end: int
    slices: int

    @property
    def minutes(self) -> int:
        """Its length."""
        return self.end - self.start

    @property
    def area(self) -> int:
        """Slice-minutes."""
        return self.slices * self.minutes


def vector_of(capacity: Capacity) -> Vector:
    """The capacity as numbers to reckon with."""
    return capacity.vcpus, capacity.memory_mib, capacity.disk_gib


def plus(one: Vector, other: Vector, times: int = 1) -> Vector:
    """`one` and `times` the other."""
    return one[0] + times * other[0], one[1] + times * other[1], one[2] + times * other[2]


def fitting(free: Vector, piece: Vector) -> int:
    """How many whole pieces what is free holds, in every resource that a piece needs; 0 for an empty piece."""
    return max(0, min((have // need for have, need in zip(free, piece, strict=True) if need), default=0))


def sweep(window: Window, layers: Sequence[Iterable[Taken]]) -> list[Stretch]:
    """The window, cut wherever one of the layers changes."""
    changes: dict[int, list[Vector]] = {window.start: [(0, 0, 0)] * len(layers)}
    for index, layer in enumerate(layers):
        for taken in layer:
            start, end = max(taken.start, window.start), min(taken.end, window.end)
            if start < end:
                for minute, times in ((start, 1), (end, -1)):
                    at = changes.setdefault(minute, [(0, 0, 0)] * len(layers))
                    at[index] = plus(at[index], taken.amount, times)
    changes.pop(window.end, None)
    stretches, levels = [], [(0, 0, 0)] * len(layers)
    minutes = sorted(changes)
    for start, end in zip(minutes, [*minutes[1:], window.end], strict=True):
        levels = [plus(level, change) for level, change in zip(levels, changes[start], strict=True)]
        stretches.append(Stretch(start, end, tuple(levels)))
    return stretches


def largest(heights: Sequence[Height], min_minutes: int) -> Rectangle | None:
    """The rectangle under these adjoining heights with the most slice-minutes, the earliest among equals, of those that
    are long enough. None when there is none."""
    best: Rectangle | None = None
    rising: list[tuple[int, int]] = []  # where a level began, and the level; both grow
    end = heights[-1].end if heights else 0
    for height in [*heights, Height(end, end, 0)]:
        began = height.start
        while rising and rising[-1][1] >= height.slices:
            began, slices = rising.pop()
            found = Rectangle(began, height.start, slices)
            if slices and found.minutes >= min_minutes and (best is None or _is_better(found, best)):
                best = found
        rising.append((began, height.slices))
    return best


def widened(heights: Sequence[Height], core: Rectangle) -> Rectangle:
    """The core, as far to both sides as these heights carry its slices; they carry them in the core."""
    start, end = core.start, core.end
    for height in reversed([height for height in heights if height.end <= core.start]):
        if height.slices < core.slices:
            break
        start = height.start
    for height in (height for height in heights if height.start >= core.end):
        if height.slices < core.slices:
            break
        end = height.end
    return Rectangle(start, end, core.slices)


def raised(heights: Sequence[Height], core: Rectangle) -> Rectangle:
    """The core with as many slices as these heights carry all along it."""
    along = [height.slices for height in heights if height.start < core.end and core.start < height.end]
    return Rectangle(core.start, core.end, max(core.slices, min(along, default=0)))


def _is_better(one: Rectangle, other: Rectangle) -> bool:
    return (one.area, -one.start) > (other.area, -other.start)
