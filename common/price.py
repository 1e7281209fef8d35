"""Prices: integer micro-units per slice-minute inside, decimal text per slice-hour outside.

Source: the design's market rules, "Units". One micro per slice-minute, the smallest tick, prints as 0.000060 per hour.
"""

from __future__ import annotations

from dataclasses import dataclass

from common.decimals import parse_scaled, print_scaled
from common.errors import InvalidInput

MINUTES_PER_HOUR = 60


@dataclass(frozen=True, order=True, slots=True)
class Price:
    """Micro-units of currency per slice-minute."""

    micros: int

    @classmethod
    def parse_hourly(cls, text: str, *, tick_micros: int = 1, field: str = "price") -> Price:
        """From decimal text per slice-hour, which must be a positive whole number of ticks.

        Raises InvalidInput with `off_tick` when it lies between two ticks and names the tick per slice-hour.
        """
        hourly = parse_scaled(text, 6, field=field)
        if hourly <= 0:
            raise InvalidInput("invalid_field", f"{field} must be above zero", field=field, limit="above 0")
        if hourly % (MINUTES_PER_HOUR * tick_micros):
            raise off_tick(hourly, tick_micros, field)
        return cls(hourly // MINUTES_PER_HOUR)

    def hourly(self) -> str:
        """Decimal text per slice-hour, six decimals."""
        return print_scaled(self.micros * MINUTES_PER_HOUR, 6)

    def amount(self, slice_minutes: int) -> int:
        """The price of so many slice-minutes, in micro-units."""
        return self.micros * slice_minutes


def off_tick(hourly_micros: int, tick_micros: int, field: str) -> InvalidInput:
    """The error of a price per slice-hour between two ticks; it names both."""
    step = MINUTES_PER_HOUR * tick_micros
    below = hourly_micros // step * step
    between = f"{print_scaled(below, 6)} and {print_scaled(below + step, 6)}"
    tick = print_scaled(step, 6)
    message = f"{field}, per slice-hour, lies between the ticks {between}; it must be a whole multiple of {tick}"
    return InvalidInput("off_tick", message, field=field, limit=tick)
