"""Who takes part: nodes of several sizes, as many of each for every strategy, and what their reservations cost."""

from __future__ import annotations

from dataclasses import dataclass

from common.money import Money
from common.wire import Capacity
from market.reseller.floor import break_even_micros

ZONE = "fra1"
STRATEGIES = ("fixed", "undercut", "decay", "zip")
BUYERS = 8

_VCPUS = (4, 6, 8, 12, 16)
_MEMORY_MIB, _DISK_GIB = 2048, 10
"""Of a slice `std`, beside one vCPU."""
_COST_MICROS = 60_000
"""Per slice of the node and hour."""
_KEPT_ONE_IN = 4
_FEE_PPM, _UTILISATION_PERCENT = 50_000, 60


@dataclass(frozen=True, slots=True)
class NodeCast:
    """A node of so many slices `std`, of which its owner keeps a quarter."""

    name: str
    strategy: str
    slices: int

    @property
    def capacity(self) -> Capacity:
        """All of it."""
        return slices_as_capacity(self.slices)

    @property
    def kept(self) -> Capacity:
        """What is never sold."""
        return slices_as_capacity(self.slices // _KEPT_ONE_IN)

    @property
    def cost_per_hour(self) -> str:
        """Of the reservation."""
        return str(Money(_COST_MICROS * self.slices))


def nodes(count: int) -> list[NodeCast]:
    """So many nodes, in turn over the strategies: each of the four gets the same sizes, so at equal cost. Raises
    ValueError unless four divide the count."""
    each, rest = divmod(count, len(STRATEGIES))
    if rest or not each:
        raise ValueError(f"{count} nodes cannot be shared out equally to {len(STRATEGIES)} strategies")
    return [
        NodeCast(f"{strategy}-{number + 1}", strategy, _VCPUS[number % len(_VCPUS)])
        for number in range(each)
        for strategy in STRATEGIES
    ]


def floor_micros() -> int:
    """What a slice-minute must bring, sold for the expected part of the time: the same for nodes of all sizes."""
    floor = break_even_micros(_COST_MICROS, 1, _UTILISATION_PERCENT, _FEE_PPM)
    assert floor is not None
    return floor


def slices_as_capacity(slices: int) -> Capacity:
    """The resources of so many slices."""
    return Capacity(slices, slices * _MEMORY_MIB, slices * _DISK_GIB)
