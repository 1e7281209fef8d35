"""Transfers are whole."""

from __future__ import annotations

from billing.invariants.rule import rule

RULES = (
    rule(
        "every transfer sums to zero",
        """
        SELECT format('transfer %s sums to %s micros over %s entries', transfer.key, coalesce(sum(amount_micros), 0),
            count(entry.ordinal))
        FROM ledger_transfer AS transfer LEFT JOIN ledger_entry AS entry ON entry.transfer_id = transfer.id
        GROUP BY transfer.id
        HAVING count(entry.ordinal) < 2 OR sum(amount_micros) <> 0
        """,
    ),
)
