"""Decimal text to scaled integers and back, exactly. The only place where `Decimal` is used for parsing."""

from __future__ import annotations

import re
from decimal import Decimal

from common.errors import InvalidInput

_PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?")


def parse_scaled(text: str, scale: int, *, field: str) -> int:
    """The integer `text` x 10**`scale`.

    Raises InvalidInput when the text is not a plain decimal number (no exponent, no sign but a leading minus, at most
    13 digits before the point) or has more decimals than `scale` can hold.
    """
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise InvalidInput("invalid_field", f"{field} must be a plain decimal number in a string", field=field)
    scaled = Decimal(text).scaleb(scale)
    if scaled != scaled.to_integral_value():
        raise InvalidInput(
            "invalid_field", f"{field} has more than {scale} decimals", field=field, limit=f"{scale} decimals"
        )
    return int(scaled)


def print_scaled(value: int, scale: int) -> str:
    """`value` / 10**`scale` as plain decimal text with exactly `scale` decimals."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**scale)
    return f"{sign}{whole}.{part:0{scale}d}" if scale else f"{sign}{whole}"
