"""What of each node is taken, as linked asks find it: what is sold, and what asks that are not linked still offer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from matching.auditor.holding import AskHolding, Holding
from matching.auditor.supply import Stretch, Supply
from matching.commands import EnterAsk, Free


class _Part(NamedTuple):
    """In these minutes so many slices, each of which takes so much; fewer than none where they were given back."""

    stretch: Stretch
    vcpus: int
    memory_mib: int
    disk_gib: int


class Taken:
    """What is sold of every node."""

    def __init__(self) -> None:
        self._sold: dict[str, list[_Part]] = defaultdict(list)

    def copy(self) -> Taken:
        """The same, to try something on."""
        other = Taken()
        other._sold.update({node: list(parts) for node, parts in self._sold.items()})
        return other

    def sell(self, ask: EnterAsk, slices: int, start: int, end: int, now: int) -> None:
        """So many slices of the ask are sold for [start, end). What was over at the minute `now` is forgotten."""
        self._sold[ask.node] = [part for part in self._sold[ask.node] if part.stretch.end > now]
        self._sold[ask.node].append(_part(ask, Stretch(start, end, slices)))

    def give_back(self, freed: Free) -> None:
        """These slices are not used."""
        self._sold[freed.node].append(_part(freed, Stretch(freed.start, freed.end, -freed.slices)))

    def cut(self, ask: AskHolding, open_orders: Iterable[Holding], start: int, end: int) -> Supply:
        """The supply of a linked ask, with no more slices at any minute of [start, end) than fit beside all this."""
        parts = [part for part in self._of(ask.entry.node, open_orders) if part.stretch.end > start]
        left: list[Stretch] = []
        for stretch in ask.supply:
            edges = {edge for part in parts for edge in part.stretch[:2]} | {start, end}
            inside = [edge for edge in sorted(edges) if stretch.start < edge < stretch.end]
            for first, last in zip([stretch.start, *inside], [*inside, stretch.end], strict=True):
                slices = stretch.slices
                if start <= first < end:
                    slices = min(slices, _fitting(ask, [part for part in parts if _covers(part, first)]))
                left.append(Stretch(first, last, slices))
        return tuple(left)

    def _of(self, node: str, open_orders: Iterable[Holding]) -> list[_Part]:
        offers = [
            _part(holding.entry, stretch)
            for holding in open_orders
            if isinstance(holding, AskHolding) and holding.entry.node == node and holding.offered is None
            for stretch in holding.supply
        ]
        return self._sold[node] + offers


def _part(command: EnterAsk | Free, stretch: Stretch) -> _Part:
    return _Part(stretch, command.slice_vcpus, command.slice_memory_mib, command.slice_disk_gib)


def _covers(part: _Part, minute: int) -> bool:
    return part.stretch.start <= minute < part.stretch.end


def _fitting(ask: AskHolding, parts: Iterable[_Part]) -> int:
    """The most slices of the ask that fit beside these parts, tried one by one."""
    assert ask.offered is not None
    there = list(parts)
    vcpus = sum(part.stretch.slices * part.vcpus for part in there)
    memory_mib = sum(part.stretch.slices * part.memory_mib for part in there)
    disk_gib = sum(part.stretch.slices * part.disk_gib for part in there)
    slices = ask.entry.slices
    while slices and (
        (ask.entry.slice_vcpus and vcpus + slices * ask.entry.slice_vcpus > ask.offered.vcpus)
        or (ask.entry.slice_memory_mib and memory_mib + slices * ask.entry.slice_memory_mib > ask.offered.memory_mib)
        or (ask.entry.slice_disk_gib and disk_gib + slices * ask.entry.slice_disk_gib > ask.offered.disk_gib)
    ):
        slices -= 1
    return slices
