"""What the reseller sees of a node when its turn comes: plain values, read in one moment by
`market.reseller.read_view`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from billing.terms import bond
from common.wire import Capacity
from market.reseller.settings import Memory, ResellerSettings
from market.reseller.supply import Taken, Vector
from market.reseller.zip_trader import Shout


@dataclass(frozen=True, slots=True)
class OwnAsk:
    """An open ask that the reseller has placed, on the book since `entered_minute`. `sold` are the slices of it that
    have traded, in minutes to come; `remaining` what a linked one has left: start, end and slices. None: an older one,
    which is not linked."""

    order: str
    instrument: str
    revision: int
    price_micros: int
    reserved_micros: int
    start: int
    end: int
    slices: int
    sold: tuple[tuple[int, int, int], ...] = ()
    remaining: tuple[tuple[int, int, int], ...] | None = None
    entered_minute: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is sold, and it was never cut."""
        return not self.sold and self.remaining in (None, ((self.start, self.end, self.slices),))

    def taken(self, vector: Vector) -> list[Taken]:
        """What it still offers, as what it takes of the node."""
        if self.remaining is not None:
            return [Taken(start, end, _times(vector, slices)) for start, end, slices in self.remaining]
        offered = Taken(self.start, self.end, _times(vector, self.slices))
        return [offered, *(Taken(start, end, _times(vector, -slices)) for start, end, slices in self.sold)]

    def first_minute(self, minute: int) -> int:
        """Since when, or from when on, it has something for a guest that starts after this minute."""
        if self.remaining is None:
            return self.start
        return min((start for start, end, slices in self.remaining if slices and end > minute + 1), default=self.end)

    def slice_minutes_left(self, minute: int) -> int:
        """What it offers in minutes after this one."""
        if self.remaining is not None:
            return sum(slices * max(0, end - max(start, minute + 1)) for start, end, slices in self.remaining)
        offered = self.slices * max(0, self.end - max(self.start, minute + 1))
        return offered - sum(slices * max(0, end - max(start, minute + 1)) for start, end, slices in self.sold)


@dataclass(frozen=True, slots=True)
class Trading:
    """An instrument that the reseller may sell: its slice, its rules, and what has happened in it. Trades come with
    whether they were the reseller's own sales from this node."""

    code: str
    vector: Vector
    mode: str
    tick_micros: int
    price_min_micros: int
    price_max_micros: int
    min_minutes: int
    max_minutes: int
    horizon_minutes: int
    bond_ppm: int
    competitor_micros: int | None = None
    trades: tuple[tuple[Shout, bool], ...] = ()

    def having_seen(self, competitor_micros: int | None, trades: tuple[tuple[Shout, bool], ...]) -> Trading:
        """With what the market shows one node."""
        return dataclasses.replace(self, competitor_micros=competitor_micros, trades=trades)

    def bond_micros(self, price_micros: int, slice_minutes: int) -> int:
        """What an ask of this size binds of the provider's cash."""
        return bond(price_micros, slice_minutes, self.bond_ppm)


@dataclass(frozen=True, slots=True)
class View:
    """A node with everything that is sold or offered of it. `contracts` and `other_asks` are what they take of it;
    `measured` and `own_work` are what the machine has, and what its provider uses itself, as the agent says."""

    node: str
    participant: str
    zone: str
    state: str
    offered: Capacity
    measured: Capacity | None
    own_work: Capacity | None
    reserved_until: int
    available_micros: int
    fee_ppm: int
    newest_sequence: int
    contracts: tuple[Taken, ...]
    other_asks: tuple[Taken, ...]
    own_asks: tuple[OwnAsk, ...]
    instruments: tuple[Trading, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a decision is a function of."""

    minute: int
    settings: ResellerSettings
    view: View
    memory: Memory


def _times(vector: Vector, times: int) -> Vector:
    return vector[0] * times, vector[1] * times, vector[2] * times
