"""How large an ask the provider's cash can back, for an ask binds a bond. Pure."""

from __future__ import annotations

from common.money import LARGEST_MICROS, PPM
from market.reseller.supply import Rectangle
from market.reseller.view import Trading

_LARGEST_BOND_MICROS = LARGEST_MICROS // PPM
"""What one order may bind at most."""


def within_funds(
    wanted: Rectangle, trading: Trading, price_micros: int, available_micros: int, shortest_minutes: int
) -> Rectangle | None:
    """The wanted rectangle, or the part of it that this cash backs: first it ends earlier, because the nearest minutes
    perish first, then it has fewer slices. None when not even one slice for the shortest contract is backed."""
    available = min(available_micros, _LARGEST_BOND_MICROS)
    rate = price_micros * trading.bond_ppm
    if rate == 0:
        return wanted
    slice_minutes = max(0, available) * PPM // rate
    slices = min(wanted.slices, slice_minutes // shortest_minutes)
    if slices == 0:
        return None
    minutes = min(wanted.minutes, slice_minutes // slices)
    return Rectangle(wanted.start, wanted.start + minutes, slices)
