"""How figures are printed on documents: always with the same number of decimals."""

from __future__ import annotations

from datetime import timedelta

from common.decimals import print_scaled
from common.minutes import MICROS_PER_MINUTE, instant_text, minute_start


def cents(amount_cents: int) -> str:
    """12.34."""
    return print_scaled(amount_cents, 2)


def micros(amount_micros: int) -> str:
    """12.345678."""
    return print_scaled(amount_micros, 6)


def percent(rate_ppm: int) -> str:
    """25.5000, for 255 000 parts per million."""
    return print_scaled(rate_ppm, 4)


def issued_at(at_micros: int) -> str:
    """The instant of issue, RFC 3339 in UTC, to the second."""
    minute, rest = divmod(at_micros, MICROS_PER_MINUTE)
    return instant_text(minute_start(minute) + timedelta(seconds=rest // 1_000_000))
