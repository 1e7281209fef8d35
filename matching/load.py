"""What each node has committed: its open asks and the windows that they have sold, at every minute to come.

Committed capacity grows when an ask enters and shrinks by the ask's remaining profile when the ask leaves the book; a
trade only turns offered slices into sold ones. The engine compares `peak` with what the node offers before it lets an
ask in.
"""

from __future__ import annotations

from collections.abc import Iterator

from common.minutes import Window
from common.wire import Capacity
from matching.orders import SliceVector
from matching.profile import EMPTY, Profile, stepped_profile
from matching.undo import Undo

NOTHING: SliceVector = (0, 0, 0)

_Changes = dict[int, int]
"""By how many slices the committed number changes at each minute; their sum up to a minute is the number there."""

_FEWEST_FOLDED = 32
"""So few changes are never worth folding."""


class NodeLoad:
    """Committed slices of all nodes, by slice vector: one step function each, whatever the number of resources.

    It is kept as changes by minute, so that an ask costs the number of its own steps, however many asks its node has.
    Only minutes to come have a meaning: changes that have passed are folded into one now and then.
    """

    __slots__ = ("_changes", "_patience", "_undo")

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self._changes: dict[str, dict[SliceVector, _Changes]] = {}
        self._patience: dict[tuple[str, SliceVector], int] = {}

    def replace(self, node: str, vector: SliceVector, old: Profile, new: Profile, minute: int) -> None:
        """Frees the slices of the old profile, which must have been committed, and commits those of the new one."""
        if vector == NOTHING:
            return
        by_vector = self._changes.setdefault(node, {})
        changes = by_vector.get(vector)
        if changes is None:
            changes = by_vector[vector] = {}  # nothing committed is no state to take back
        elif len(changes) > self._patience.get((node, vector), _FEWEST_FOLDED):
            changes = self._fold(node, vector, changes, minute)
        self._undo.log.extend((_exchange, changes, (new, old)))
        _exchange(changes, (old, new))

    def peak(self, node: str, window: Window) -> Capacity:
        """For each resource, the most that is committed at any minute of the window."""
        profiles = {vector: stepped_profile(changes) for vector, changes in self._changes.get(node, {}).items()}
        steps = {window.start}
        for profile in profiles.values():
            steps.update(minute for minute in profile.minutes if minute in window)
        vcpus = memory_mib = disk_gib = 0
        for step in steps:
            loads = [(vector, profile.level(step)) for vector, profile in profiles.items()]
            vcpus = max(vcpus, sum(vector[0] * slices for vector, slices in loads))
            memory_mib = max(memory_mib, sum(vector[1] * slices for vector, slices in loads))
            disk_gib = max(disk_gib, sum(vector[2] * slices for vector, slices in loads))
        return Capacity(vcpus, memory_mib, disk_gib)

    def committed(self, minute: int) -> Iterator[tuple[str, SliceVector, Profile]]:
        """Every node and slice vector with slices committed from the minute on, in a fixed order."""
        for node, by_vector in sorted(self._changes.items()):
            for vector, changes in sorted(by_vector.items(), key=lambda item: item[0]):
                profile = stepped_profile(_folded(changes, minute))
                if profile != EMPTY:
                    yield node, vector, profile

    def _fold(self, node: str, vector: SliceVector, old: _Changes, minute: int) -> _Changes:
        """Puts the changes that have passed together; the next time, when there are twice as many as are left."""
        by_vector, new = self._changes[node], _folded(old, minute)
        self._undo.log.extend((by_vector.__setitem__, vector, old))
        by_vector[vector] = new
        self._patience[node, vector] = max(_FEWEST_FOLDED, 2 * len(new))
        return new


def _folded(changes: _Changes, minute: int) -> _Changes:
    new = {at: change for at, change in changes.items() if at > minute}
    if passed := sum(change for at, change in changes.items() if at <= minute):
        new[minute] = passed
    return new


def _exchange(changes: _Changes, profiles: tuple[Profile, Profile]) -> None:
    old, new = profiles
    _add(changes, old, -1)
    _add(changes, new, 1)


def _add(changes: _Changes, profile: Profile, sign: int) -> None:
    before = 0
    for minute, level in zip(profile.minutes, profile.levels, strict=True):
        change = changes.get(minute, 0) + sign * (level - before)
        if change:
            changes[minute] = change
        else:
            del changes[minute]
        before = level
