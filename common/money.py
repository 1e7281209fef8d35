"""Amounts of money: integer micro-units (1e-6) of the deployment's one currency. Never a float."""

from __future__ import annotations

from dataclasses import dataclass

from common.decimals import parse_scaled, print_scaled

MICROS_PER_CENT = 10_000
PPM = 1_000_000
LARGEST_MICROS = 2**63 - 1
"""What a BIGINT column holds; every amount stays at or below it."""


def share_floor(amount_micros: int, rate_ppm: int) -> int:
    """The part `rate_ppm` / 1e6 of a non-negative amount, rounded down to a micro-unit."""
    return amount_micros * rate_ppm // PPM


def cents_half_up(amount_micros: int) -> int:
    """The amount in whole cents, halves away from zero: how documents round (EN 16931 amounts have two decimals)."""
    cents = (abs(amount_micros) + MICROS_PER_CENT // 2) // MICROS_PER_CENT
    return -cents if amount_micros < 0 else cents


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount at the edge of the system, where it is read from or written as text. Inside, amounts are `*_micros`
    integers."""

    micros: int

    @classmethod
    def parse(cls, text: str, *, field: str = "amount") -> Money:
        """From decimal text such as "12.50"; at most 6 decimals. Raises InvalidInput."""
        return cls(parse_scaled(text, 6, field=field))

    def __str__(self) -> str:
        return print_scaled(self.micros, 6)

    def __add__(self, other: Money) -> Money:
        return Money(self.micros + other.micros)

    def __sub__(self, other: Money) -> Money:
        return Money(self.micros - other.micros)

    def __neg__(self) -> Money:
        return Money(-self.micros)

    def __mul__(self, times: int) -> Money:
        return Money(self.micros * times)
