"""The price corridor of a node's idle slices: from the break-even price, the floor, up to the provider's first price.

The floor is the price at which the slices pay for the whole reservation, if they are sold for the expected part of the
time. Prices are micro-units per slice-minute. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from common.decimals import print_scaled
from common.money import PPM, Money
from common.price import MINUTES_PER_HOUR, Price

_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Corridor:
    """Where a price may lie, on ticks: never below `floor_micros`, never above `ceiling_micros`; `opening_micros` is
    what is asked first."""

    floor_micros: int
    opening_micros: int
    ceiling_micros: int
    tick_micros: int

    def clamp(self, price_micros: int) -> int:
        """The nearest price of the corridor at or above this one, else its ceiling."""
        return min(max(up_to_tick(price_micros, self.tick_micros), self.floor_micros), self.ceiling_micros)


def break_even_micros(cost_micros_per_hour: int, slices: int, utilisation_percent: int, fee_ppm: int) -> int | None:
    """The lowest price at which `slices` slices, sold for so much of the time, bring in the cost after the market's
    fee. None when no price does: no slice fits, or the fee takes everything."""
    kept_ppm = PPM - fee_ppm
    if slices <= 0 or kept_ppm <= 0:
        return None
    earning = slices * MINUTES_PER_HOUR * utilisation_percent * kept_ppm
    return max(1, -(-cost_micros_per_hour * _PERCENT * PPM // earning))


def corridor(
    break_even: int, markup_percent: int, tick_micros: int, price_min_micros: int, price_max_micros: int
) -> Corridor | None:
    """Between the break-even price and the first price, `markup_percent` above it, within the instrument's limits.
    None when the break-even price lies above what the instrument allows."""
    floor = up_to_tick(max(break_even, price_min_micros), tick_micros)
    ceiling = price_max_micros // tick_micros * tick_micros
    if floor > ceiling:
        return None
    opening = up_to_tick(-(-floor * (_PERCENT + markup_percent) // _PERCENT), tick_micros)
    return Corridor(floor, min(opening, ceiling), ceiling, tick_micros)


def up_to_tick(price_micros: int, tick_micros: int) -> int:
    """The price, rounded up to a whole number of ticks."""
    return -(-price_micros // tick_micros) * tick_micros


def floor_sentence(
    code: str, cost_micros_per_hour: int, slices: int, utilisation_percent: int, fee_ppm: int, break_even: int
) -> str:
    """How the floor comes about, for somebody who has never heard of a break-even price."""
    fee = print_scaled(fee_ppm, 4).rstrip("0").rstrip(".")
    return (
        f"Your reservation costs {Money(cost_micros_per_hour)} per hour. The node holds {slices} slices of {code}; if"
        f" they are sold for {utilisation_percent} % of the time, and the market keeps {fee} % of what buyers pay, they"
        f" earn that cost at {Price(break_even).hourly()} per slice-hour. Nothing is offered below this price."
    )
