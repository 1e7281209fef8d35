"""What each node has committed: its open asks and the windows that they have sold, at every minute to come.

Committed capacity grows when an ask enters and shrinks by the ask's remaining profile when the ask leaves the book; a
trade only turns offered slices into sold ones. The engine compares `peak` with what the node offers before it lets an
ask in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from common.minutes import Window
from common.wire import Capacity
from matching.orders import SliceVector
from matching.profile import EMPTY, Profile, stepped_profile
from matching.undo import Undo

NOTHING: SliceVector = (0, 0, 0)

_FEWEST_FOLDED = 32
"""So few changes are never worth folding."""


class _Steps:
    """By how many committed slices change at each minute: their sum up to a minute is the number there.

    Folded when there are more than `patience` of them.
    """

    __slots__ = ("changes", "patience")

    def __init__(self) -> None:
        self.changes: dict[int, int] = {}
        self.patience = _FEWEST_FOLDED


class NodeLoad:
    """Committed slices of all nodes, by slice vector: one step function each, whatever the number of resources.

    It is kept as changes by minute, so that an ask costs the number of its own steps, however many asks its node has.
    Only minutes to come have a meaning: changes that have passed are folded into one now and then.
    """

    __slots__ = ("_nodes", "_undo")

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self._nodes: dict[str, dict[SliceVector, _Steps]] = {}

    def commit(self, node: str, vector: SliceVector, profile: Profile, minute: int) -> None:
        """Commits the slices of the profile."""
        steps = self._steps(node, vector, minute)
        self._undo.log += (_take_off, steps, profile)
        _put_on(steps, profile)

    def free(self, node: str, vector: SliceVector, profile: Profile, minute: int) -> None:
        """Frees the slices of the profile, which must have been committed."""
        steps = self._steps(node, vector, minute)
        self._undo.log += (_put_on, steps, profile)
        _take_off(steps, profile)

    def peak(self, node: str, window: Window) -> Capacity:
        """For each resource, the most that is committed at any minute of the window."""
        profiles = self.profiles(node)
        minutes = {window.start}
        for profile in profiles.values():
            minutes.update(minute for minute in profile.minutes if minute in window)
        return highest(committed_at(profiles, minute) for minute in minutes)

    def profiles(self, node: str) -> dict[SliceVector, Profile]:
        """What the node has committed, by slice vector."""
        by_vector = self._nodes.get(node, {}).items()
        return {vector: stepped_profile(steps.changes) for vector, steps in by_vector}

    def committed(self, minute: int) -> Iterator[tuple[str, SliceVector, Profile]]:
        """Every node and slice vector with slices committed from the minute on, in a fixed order."""
        for node, by_vector in sorted(self._nodes.items()):
            for vector, steps in sorted(by_vector.items(), key=lambda item: item[0]):
                profile = stepped_profile(_folded(steps.changes, minute))
                if profile != EMPTY:
                    yield node, vector, profile

    def _steps(self, node: str, vector: SliceVector, minute: int) -> _Steps:
        by_vector = self._nodes.get(node)
        if by_vector is None:
            by_vector = self._nodes[node] = {}
        steps = by_vector.get(vector)
        if steps is None:
            steps = by_vector[vector] = _Steps()  # nothing committed is no state to take back
        elif len(steps.changes) > steps.patience:
            self._undo.log += (_set_changes, steps, steps.changes)
            steps.changes = _folded(steps.changes, minute)
            steps.patience = max(_FEWEST_FOLDED, 2 * len(steps.changes))
        return steps


def committed_at(profiles: Mapping[SliceVector, Profile], minute: int) -> SliceVector:
    """What these profiles take together at the minute."""
    loads = [(vector, profile.level(minute)) for vector, profile in profiles.items()]
    return (
        sum(vector[0] * slices for vector, slices in loads),
        sum(vector[1] * slices for vector, slices in loads),
        sum(vector[2] * slices for vector, slices in loads),
    )


def highest(amounts: Iterable[SliceVector]) -> Capacity:
    """The most of each resource."""
    vcpus = memory_mib = disk_gib = 0
    for amount in amounts:
        vcpus = max(vcpus, amount[0])
        memory_mib = max(memory_mib, amount[1])
        disk_gib = max(disk_gib, amount[2])
    return Capacity(vcpus, memory_mib, disk_gib)


def _folded(changes: dict[int, int], minute: int) -> dict[int, int]:
    new = {at: change for at, change in changes.items() if at > minute}
    if passed := sum(change for at, change in changes.items() if at <= minute):
        new[minute] = passed
    return new


def _set_changes(steps: _Steps, changes: dict[int, int]) -> None:
    steps.changes = changes


def _put_on(steps: _Steps, profile: Profile) -> None:
    _add(steps.changes, profile, 1)


def _take_off(steps: _Steps, profile: Profile) -> None:
    _add(steps.changes, profile, -1)


def _add(changes: dict[int, int], profile: Profile, sign: int) -> None:
    before = 0
    for minute, level in zip(profile.minutes, profile.levels, strict=True):
        change = changes.get(minute, 0) + sign * (level - before)
        if change:
            changes[minute] = change
        else:
            del changes[minute]
        before = level
