"""The market's time grid: whole UTC minutes since the Unix epoch, and half-open windows on it.

Source: the design's market rules, "Units". Time zones exist in presentation only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from common.errors import InvalidInput

SECONDS_PER_MINUTE = 60
MINUTES_PER_DAY = 1440
MICROS_PER_MINUTE = 60_000_000
_LAST_YEAR = 6000
LAST_MINUTE = 2_119_000_000
"""Late in the year 5998: what an INTEGER column holds, with room for the longest window."""
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})")


def parse_minute(text: str, *, field: str) -> int:
    """The minute of an RFC 3339 instant that lies exactly on the grid.

    Raises InvalidInput: `invalid_field` when it is no such instant, `off_grid` when it has seconds.
    """
    instant = parse_instant(text, field=field)
    if instant.second or instant.microsecond:
        raise InvalidInput("off_grid", f"{field} must be a whole UTC minute", field=field, limit="1 minute")
    minute = minute_of(instant)
    if not 0 <= minute <= LAST_MINUTE:
        raise InvalidInput("invalid_field", f"{field} lies outside the grid", field=field, limit="1970 to 6000")
    return minute


def parse_instant(text: str, *, field: str) -> datetime:
    """An RFC 3339 instant with its offset, as UTC. Raises InvalidInput."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise InvalidInput(
            "invalid_field", f"{field} must be an RFC 3339 instant such as 2026-11-30T23:15:00Z", field=field
        )
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("invalid_field", f"{field} is no real instant: {error}", field=field) from error


def minute_of(instant: datetime) -> int:
    """The minute in which an instant with a time zone falls."""
    return int(instant.timestamp()) // SECONDS_PER_MINUTE


def minute_start(minute: int) -> datetime:
    """The UTC instant at which the minute begins."""
    return datetime.fromtimestamp(minute * SECONDS_PER_MINUTE, UTC)


def minute_text(minute: int) -> str:
    """RFC 3339 text, to the second, UTC: 2026-11-30T23:15:00Z."""
    return instant_text(minute_start(minute))


def instant_text(instant: datetime) -> str:
    """RFC 3339 text of an instant in UTC, with a trailing Z; fractions of a second only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def minute_of_day(day: date) -> int:
    """The first minute of a UTC day."""
    return minute_of(datetime.combine(day, time(), UTC))


def month_of(minute: int) -> str:
    """The calendar month of the minute in UTC, "YYYY-MM": the billing period that it belongs to."""
    return f"{minute_start(minute):%Y-%m}"


def month_window(month: str) -> Window:
    """All minutes of the UTC calendar month "YYYY-MM". Raises InvalidInput."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput("invalid_field", 'a period is written "YYYY-MM"', field="period") from error
    if not 1970 <= first.year < _LAST_YEAR:
        raise InvalidInput("invalid_field", "the period lies outside the grid", field="period", limit="1970 to 6000")
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Window(minute_of(first), minute_of(following))


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """The minutes from `start` up to, not including, `end`. Never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInput("window_empty", "a window must end after it starts", field="end")

    @property
    def minutes(self) -> int:
        """Its length."""
        return self.end - self.start

    def overlaps(self, other: Window) -> bool:
        """Whether they share a minute."""
        return self.start < other.end and other.start < self.end

    def __contains__(self, minute: int) -> bool:
        return self.start <= minute < self.end

    def __str__(self) -> str:
        return f"{minute_text(self.start)}/{minute_text(self.end)}"
