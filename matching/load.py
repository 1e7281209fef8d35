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
from matching.profile import EMPTY, Profile
from matching.undo import Undo

NOTHING: SliceVector = (0, 0, 0)


class NodeLoad:
    """Committed slices of all nodes, by slice vector: one step function each, whatever the number of resources.

    Only minutes to come have a meaning: those that have passed are dropped as a node is touched.
    """

    __slots__ = ("_slices", "_undo")

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self._slices: dict[str, dict[SliceVector, Profile]] = {}

    def grow(self, node: str, vector: SliceVector, profile: Profile, minute: int) -> None:
        """Commits the slices of a profile; what had passed before the minute is dropped."""
        if vector != NOTHING:
            old = self._slices.get(node, {}).get(vector, EMPTY)
            self._replace(node, vector, old, old.from_minute(minute).plus(profile))

    def shrink(self, node: str, vector: SliceVector, profile: Profile, minute: int) -> None:
        """Frees the slices of a profile from the minute on; they must have been committed."""
        if vector != NOTHING:
            old = self._slices[node][vector]
            self._replace(node, vector, old, old.from_minute(minute).minus(profile.from_minute(minute)))

    def peak(self, node: str, window: Window) -> Capacity:
        """For each resource, the most that is committed at any minute of the window."""
        profiles = self._slices.get(node, {})
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
        for node, profiles in sorted(self._slices.items()):
            for vector, profile in sorted(profiles.items(), key=lambda item: item[0]):
                if profile.has_slice_from(minute):
                    yield node, vector, profile.from_minute(minute)

    def _replace(self, node: str, vector: SliceVector, old: Profile, new: Profile) -> None:
        self._undo.record(self._put, (node, vector), old)
        self._put((node, vector), new)

    def _put(self, place: tuple[str, SliceVector], profile: Profile) -> None:
        node, vector = place
        self._slices.setdefault(node, {})[vector] = profile
