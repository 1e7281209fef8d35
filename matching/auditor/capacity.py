"""What nodes have committed, minute by minute: the remaining supply of their open asks, and what was sold of any.

Source: the design's market rules, "Orders": at every minute of an ask's window that stays within what the node offers,
in every resource.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from common.wire import Capacity
from matching.auditor.difference import require
from matching.auditor.holding import AskHolding, Holding
from matching.auditor.supply import Stretch
from matching.commands import EnterAsk, Free


class _Load(NamedTuple):
    """So many slices of an ask, for certain minutes; fewer than none where they were given back."""

    command: EnterAsk | Free
    taken: Stretch
    linked: bool = False


_RESOURCES = (attrgetter("slice_vcpus"), attrgetter("slice_memory_mib"), attrgetter("slice_disk_gib"))


class NodeLoads:
    """What is sold of every node, and with the open asks, what is committed."""

    def __init__(self) -> None:
        self._sold: dict[str, list[_Load]] = defaultdict(list)

    def sell(self, ask: EnterAsk, slices: int, start: int, end: int) -> None:
        """So many slices of the ask are sold for [start, end)."""
        self._sold[ask.node].append(_Load(ask, Stretch(start, end, slices)))

    def free(self, freed: Free) -> None:
        """These slices are not used. Raises Difference when they were not sold, or were given back before."""
        stretch = Stretch(freed.start, freed.end, -freed.slices)
        sold = [load for load in self._sold[freed.node] if _vector(load.command) == _vector(freed)]
        inside = {load.taken.start for load in sold if stretch.start < load.taken.start < stretch.end}
        for minute in sorted({stretch.start, *inside} if stretch.start < stretch.end else ()):
            there = sum(load.taken.slices for load in sold if load.taken.start <= minute < load.taken.end)
            short = f"{freed.contract} gives back {freed.slices} slices of node {freed.node}, where {there} are sold"
            require(there >= freed.slices, short)
        self._sold[freed.node].append(_Load(freed, stretch))

    def check(self, taker: AskHolding, now: int, offered: Capacity, others: Iterable[Holding], *, new: bool) -> None:
        """Raises Difference when the ask's node is, at any minute of its window after `now`, committed beyond what it
        offers, with the `others` that are open; a `new` ask counts with everything that it came with, whatever has
        become of it since. Linked asks count by the one that takes most, each resource by itself; a linked one has to
        fit into what it was stamped with."""
        ask = taker.entry
        start, end = max(ask.available_from, now + 1), ask.available_until
        loads = [load for load in self._loads(ask.node, now, others) if not (new and load.command == ask)]
        if new:
            loads.append(_Load(ask, Stretch(start, end, ask.slices), taker.offered is not None))
        told = f"with ask {ask.order}, node {ask.node}"
        if taker.offered is not None:
            _check_within(ask, taker.offered, _beside(ask, loads), start, end, told)
        if taker.offered is None or not new:
            _check_within(ask, offered, loads, start, end, told)

    def check_linked(self, now: int, open_orders: Sequence[Holding]) -> None:
        """Raises Difference when what a linked ask has left does not fit any more beside what its node has sold and
        otherwise offers, at any minute after `now` at which it has something left."""
        for holding in open_orders:
            if isinstance(holding, AskHolding) and holding.offered is not None:
                ask = holding.entry
                loads = _beside(ask, self._loads(ask.node, now, open_orders))
                told = f"with linked ask {ask.order}, node {ask.node}"
                for left in holding.supply:
                    if left.slices and left.end > now + 1:
                        _check_within(ask, holding.offered, loads, max(left.start, now + 1), left.end, told)

    def _loads(self, node: str, now: int, open_orders: Iterable[Holding]) -> list[_Load]:
        self._sold[node] = [load for load in self._sold[node] if load.taken.end > now]
        loads = list(self._sold[node])
        for holding in open_orders:
            if isinstance(holding, AskHolding) and holding.entry.node == node:
                linked = holding.offered is not None
                loads += [_Load(holding.entry, stretch, linked) for stretch in holding.supply if stretch.slices]
        return loads


def _beside(ask: EnterAsk, loads: Iterable[_Load]) -> list[_Load]:
    """Without the other linked asks."""
    return [load for load in loads if not load.linked or load.command == ask]


def _check_within(ask: EnterAsk, offered: Capacity, loads: Sequence[_Load], start: int, end: int, told: str) -> None:
    """Only in the resources of the ask's slices: it takes nothing of the others."""
    for minute in sorted({start, *(load.taken.start for load in loads if start < load.taken.start < end)}):
        there = [load for load in loads if load.taken.start <= minute < load.taken.end]
        vcpus, memory_mib, disk_gib = (
            sum(load.taken.slices * takes(load.command) for load in there if not load.linked)
            + max((load.taken.slices * takes(load.command) for load in there if load.linked), default=0)
            for takes in _RESOURCES
        )
        require(
            (not ask.slice_vcpus or vcpus <= offered.vcpus)
            and (not ask.slice_memory_mib or memory_mib <= offered.memory_mib)
            and (not ask.slice_disk_gib or disk_gib <= offered.disk_gib),
            f"{told} is oversold at minute {minute}: {vcpus} vCPUs, {memory_mib} MiB, {disk_gib} GiB of {offered}",
        )


def _vector(command: EnterAsk | Free) -> tuple[int, int, int]:
    return command.slice_vcpus, command.slice_memory_mib, command.slice_disk_gib
