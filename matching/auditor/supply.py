"""What an ask has left, minute by minute, as the auditor keeps it: stretches of minutes with the same number of slices.

The stretches of a supply follow each other without a gap from the first to the last minute of the ask's window, so that
a window of weeks is as small as one of minutes.
"""

from __future__ import annotations

from typing import NamedTuple


class Stretch(NamedTuple):
    """So many slices at every minute of [start, end)."""

    start: int
    end: int
    slices: int


Supply = tuple[Stretch, ...]


def whole(slices: int, start: int, end: int) -> Supply:
    """The same number of slices in the whole window; nothing in a window that is empty."""
    return (Stretch(start, end, slices),) if start < end else ()


def sell(supply: Supply, slices: int, start: int, end: int) -> Supply:
    """With so many slices less at every minute of [start, end)."""
    left: list[Stretch] = []
    for stretch in supply:
        first, last = max(start, stretch.start), min(end, stretch.end)
        if first >= last:
            left.append(stretch)
            continue
        parts = (
            Stretch(stretch.start, first, stretch.slices),
            Stretch(first, last, stretch.slices - slices),
            Stretch(last, stretch.end, stretch.slices),
        )
        left += [part for part in parts if part.start < part.end]
    return tuple(left)


def lower(supply: Supply, slices: int) -> Supply:
    """With so many slices less at every minute that has them, and none at one that has fewer."""
    return tuple(stretch._replace(slices=max(0, stretch.slices - slices)) for stretch in supply)


def at(supply: Supply, minute: int) -> int:
    """Slices left at a minute."""
    return sum(stretch.slices for stretch in supply if stretch.start <= minute < stretch.end)


def lowest(supply: Supply, start: int, end: int) -> int:
    """The fewest slices at any minute of [start, end), which must lie in the supply's window."""
    return min(stretch.slices for stretch in supply if stretch.start < end and stretch.end > start)


def slice_minutes(supply: Supply) -> int:
    """The whole area, passed minutes included."""
    return sum(stretch.slices * (stretch.end - stretch.start) for stretch in supply)


def last_start(supply: Supply, minutes: int) -> int | None:
    """The last minute at which so many minutes in a row, each with a slice, begin; None if there are none."""
    latest, begun = None, None
    for stretch in supply:
        if stretch.slices == 0:
            begun = None
            continue
        begun = stretch.start if begun is None else begun
        if stretch.end - begun >= minutes:
            latest = stretch.end - minutes
    return latest


def merged(supply: Supply) -> list[Stretch]:
    """Its stretches with slices, those that follow each other with the same number as one."""
    found: list[Stretch] = []
    for stretch in supply:
        if found and found[-1].end == stretch.start and found[-1].slices == stretch.slices:
            found[-1] = found[-1]._replace(end=stretch.end)
        elif stretch.slices:
            found.append(stretch)
    return found
