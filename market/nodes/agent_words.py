"""What an agent says, made harmless to keep and to pass on: no longer than allowed, and text that all can hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from common.wire import LONGEST_REASON, FieldAnswer

_MOST_ANSWERS = 50
_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999, which is the last that has an instant."""


def plain_text(text: str, longest: int) -> str:
    """PostgreSQL keeps neither NUL nor lone surrogates, and UTF-8 has no lone surrogates either."""
    return text.encode(errors="replace").decode().replace("\x00", "?")[:longest]


def plain_answers(answers: tuple[FieldAnswer, ...]) -> tuple[FieldAnswer, ...]:
    """As many, and as long, as can be kept."""
    return tuple(
        replace(answer, field=plain_text(answer.field, 100), reason=plain_text(answer.reason, LONGEST_REASON))
        for answer in answers[:_MOST_ANSWERS]
    )


def plain_instant(ms: int) -> datetime:
    """Milliseconds since the Unix epoch, as far as there is such an instant."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=max(0, min(ms, _LATEST_MS)))
