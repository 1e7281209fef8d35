"""The books check: rules that always hold, each as a query that returns the rows that break it.

They compute everything again from the entries and the metered minutes, in SQL, and share no arithmetic with the code
that posts. `reserved cash = open orders` joins two packages and is added by `market.books_check`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from billing.invariants import accounts, captured, contents, documents, payments, transfers
from billing.invariants.rule import LISTED, Difference, Rule

__all__ = ["LISTED", "RULES", "Difference", "Rule", "check"]

RULES = (*transfers.RULES, *accounts.RULES, *captured.RULES, *payments.RULES, *documents.RULES, *contents.RULES)


def check(connection: Connection, rules: Sequence[Rule] = RULES) -> list[Difference]:
    """Every difference, at most `LISTED` per rule, in the order of the rules; empty when the books are right.

    The caller's transaction should be REPEATABLE READ where the market is running, so that all rules see one moment.
    """
    return [
        Difference(rule.name, str(detail))
        for rule in rules
        for detail in connection.execute(text(rule.query)).scalars()
    ]
