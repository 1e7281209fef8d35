"""A rule of the books check, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass

LISTED = 20
"""How many differences of one rule are told."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`query` selects one text per difference."""

    name: str
    query: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a rule does not hold."""

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


def rule(name: str, *query: str) -> Rule:
    """The rule. The last part of `query` selects the differences, from the table expressions that come before it; the
    list is cut to a length that people read."""
    *given, differences = query
    expressions = f"WITH {', '.join(given)}" if given else ""
    return Rule(name, f"{expressions} {differences} ORDER BY 1 LIMIT {LISTED}")
