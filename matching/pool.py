"""Linked asks of a node share what is free of it: each is offered whole, and when one sells, the others are cut.

At every minute at which a linked ask has something left, in every resource of its slices: that, what the node has sold,
and what its other open asks offer stay within what it was stamped with as the node's offer. So what linked asks have
left is no part of the node's load (`matching.load`), and what they sell becomes part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from common.minutes import Window
from common.wire import Capacity
from matching.load import NodeLoad, committed_at, highest
from matching.orders import LinkedAsk, SliceVector
from matching.profile import Profile
from matching.undo import Undo

Pools = dict[str, dict[str, LinkedAsk]]
"""Open linked asks by node and order id. A node without any has no entry, so that nobody looks who need not."""


class Pool:
    """The linked asks of all nodes that are on the books, or meet one."""

    __slots__ = ("_undo", "nodes")

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self.nodes: Pools = {}

    def join(self, ask: LinkedAsk) -> None:
        """The ask shares from now on."""
        self._undo.log += (_remove, self.nodes, ask)
        _add(self.nodes, ask)

    def quit(self, ask: LinkedAsk) -> None:
        """The ask is done. Once is enough."""
        if ask.order in self.nodes.get(ask.node, ()):
            self._undo.log += (_add, self.nodes, ask)
            _remove(self.nodes, ask)

    def of(self, node: str) -> list[LinkedAsk]:
        """The node's linked asks, the earlier entered first."""
        return sorted(self.nodes.get(node, {}).values(), key=lambda ask: ask.priority)


def most_of_each(asks: Iterable[LinkedAsk], minute: int, offered: SliceVector | None = None) -> SliceVector:
    """For each resource, the most that any of the asks has left at the minute; of a node that offers so much, together
    with what such an ask is to leave alone of it."""
    vcpus = memory_mib = disk_gib = 0
    for ask in asks:
        level = ask.profile.level(minute)
        if level:
            kept = _kept(ask, offered)
            vcpus = max(vcpus, level * ask.vector[0] + kept[0])
            memory_mib = max(memory_mib, level * ask.vector[1] + kept[1])
            disk_gib = max(disk_gib, level * ask.vector[2] + kept[2])
    return vcpus, memory_mib, disk_gib


def peak_with(asks: list[LinkedAsk], load: NodeLoad, window: Window, offered: SliceVector | None = None) -> Capacity:
    """For each resource, the most that these asks (one or more) and the load of their node take together at any
    minute; see `most_of_each`."""
    profiles = load.profiles(asks[0].node)
    minutes = {window.start}
    for profile in (*profiles.values(), *(ask.profile for ask in asks)):
        minutes.update(minute for minute in profile.minutes if minute in window)
    return highest(_plus(committed_at(profiles, minute), most_of_each(asks, minute, offered)) for minute in minutes)


def what_fits(ask: LinkedAsk, load: NodeLoad, window: Window) -> Profile:
    """What the ask has left, cut within the window to what still fits beside the node's load."""
    before, committed = ask.profile, load.profiles(ask.node)
    minutes = {window.start, window.end}
    for profile in (before, *committed.values()):
        minutes.update(minute for minute in profile.minutes if minute in window)
    edges, left = sorted(minutes), before
    for start, end in pairwise(edges):
        level = before.level(start)
        fits = _fitting(ask, committed_at(committed, start))
        if level > fits:
            left = left.take(level - fits, start, end)
    return left


def _fitting(ask: LinkedAsk, taken: SliceVector) -> int:
    """Slices of the ask that fit beside so much of its node; all of them where a slice takes nothing."""
    needs = zip(ask.offered, taken, ask.vector, strict=True)
    return min((max(0, offered - used) // each for offered, used, each in needs if each), default=ask.slices)


def _kept(ask: LinkedAsk, offered: SliceVector | None) -> SliceVector:
    """What the ask was not stamped with of so large an offer, in the resources that it takes."""
    if offered is None:
        return 0, 0, 0
    vcpus, memory_mib, disk_gib = (max(0, all_of - own) for all_of, own in zip(offered, ask.offered, strict=True))
    takes = ask.vector
    return vcpus if takes[0] else 0, memory_mib if takes[1] else 0, disk_gib if takes[2] else 0


def _plus(one: SliceVector, other: SliceVector) -> SliceVector:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _add(nodes: Pools, ask: LinkedAsk) -> None:
    nodes.setdefault(ask.node, {})[ask.order] = ask


def _remove(nodes: Pools, ask: LinkedAsk) -> None:
    asks = nodes[ask.node]
    del asks[ask.order]
    if not asks:
        del nodes[ask.node]
