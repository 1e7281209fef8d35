"""Accounts agree with their entries, and none is below its floor."""

from __future__ import annotations

from billing.chart import MARKET_KINDS, PARTICIPANT_KINDS
from billing.invariants.rule import rule

RULES = (
    rule(
        "every owner has all of its accounts",
        f"""
        SELECT format('%s has %s accounts', owner, count(*)) FROM ledger_account GROUP BY owner
        HAVING count(*) <> CASE owner WHEN 'market' THEN {len(MARKET_KINDS)} ELSE {len(PARTICIPANT_KINDS)} END
        """,  # noqa: S608  # numbers from the chart of accounts
    ),
    rule(
        "every balance equals the sum of its entries",
        """
        SELECT format('%s holds %s micros, its entries sum to %s', coalesce(id, account_id), balance_micros,
            coalesce(total, 0))
        FROM ledger_account
        FULL JOIN (SELECT account_id, sum(amount_micros) AS total FROM ledger_entry GROUP BY account_id) AS entries
            ON account_id = id
        WHERE coalesce(total, 0) IS DISTINCT FROM balance_micros
        """,
    ),
    rule(
        "no floor is broken",
        """
        SELECT format('%s holds %s micros, %s of them reserved', id, balance_micros, reserved_micros)
        FROM ledger_account
        WHERE owner <> 'market' AND (balance_micros < 0 OR reserved_micros < 0 OR reserved_micros > balance_micros)
        """,
    ),
)
