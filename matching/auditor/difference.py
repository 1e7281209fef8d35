"""What an audit finds."""

from __future__ import annotations


class Difference(Exception):
    """Something is not what it must be. Its text is one sentence that names the place, the order and both values."""


def require(holds: bool, sentence: str) -> None:
    """Raises Difference with the sentence when the rule does not hold."""
    if not holds:
        raise Difference(sentence)
