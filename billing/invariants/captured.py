"""Contracts, metered minutes and the ledger agree, with every figure computed anew."""

from __future__ import annotations

from billing.invariants.figures import FIGURES, MOVED, SETTLED
from billing.invariants.rule import rule

_HELD = """
    held AS (
        SELECT contract_id, buyer_id || '/escrow' AS account, 'escrow' AS kind,
            CASE state WHEN 'open' THEN escrow_micros - gross - buyer_vat ELSE 0 END AS micros
        FROM figures
        UNION ALL
        SELECT contract_id, provider_id || '/bond', 'bond',
            CASE state WHEN 'open' THEN bond_micros - bond_returned ELSE 0 END
        FROM figures
    )
"""

RULES = (
    rule(
        "escrow and bond are those of the open contracts",
        SETTLED,
        FIGURES,
        _HELD,
        "expected AS (SELECT account, sum(micros) AS micros FROM held GROUP BY account)",
        """
        SELECT format('%s holds %s micros, its open contracts need %s', id, balance_micros, coalesce(micros, 0))
        FROM ledger_account LEFT JOIN expected ON account = id
        WHERE kind IN ('escrow', 'bond') AND balance_micros <> coalesce(micros, 0)
        """,
    ),
    rule(
        "escrow and bond of each contract add up",
        SETTLED,
        FIGURES,
        _HELD,
        MOVED,
        """
        SELECT format('contract %s has %s micros of %s in the ledger and needs %s', contract_id,
            coalesce(moved.micros, 0), held.kind, held.micros)
        FROM held LEFT JOIN moved ON moved.reference = contract_id AND moved.kind = held.kind
        WHERE coalesce(moved.micros, 0) <> held.micros
        """,
    ),
    rule(
        "settled minutes are the metered minutes",
        """
        SELECT format('contract %s: %s seconds metered, %s counted, %s minutes settled', contract_id,
            coalesce(metered, 0), delivered_seconds, billed_minutes)
        FROM billable_contract
        FULL JOIN (SELECT contract_id, sum(seconds) AS metered FROM usage_minute GROUP BY contract_id) AS usage
            USING (contract_id)
        WHERE coalesce(metered, 0) IS DISTINCT FROM delivered_seconds
            OR billed_minutes * 60::bigint > delivered_seconds
            OR (state = 'closed' AND billed_minutes <> delivered_seconds / 60)
        """,
    ),
    rule(
        "captured is metered minutes x price",
        SETTLED,
        FIGURES,
        MOVED,
        """
        SELECT format('contract %s: %s micros left escrow and %s were earned, %s minutes make %s and %s', contract_id,
            -coalesce(escrow.settled, 0), coalesce(earned.settled, 0), billed_minutes, gross + buyer_vat,
            provider_net + provider_vat)
        FROM figures
        LEFT JOIN moved AS escrow ON escrow.reference = contract_id AND escrow.kind = 'escrow'
        LEFT JOIN moved AS earned ON earned.reference = contract_id AND earned.kind = 'earned'
        WHERE -coalesce(escrow.settled, 0) <> gross + buyer_vat
            OR coalesce(earned.settled, 0) <> provider_net + provider_vat
        """,
    ),
    rule(
        "the market keeps its fees and owes its taxes",
        SETTLED,
        FIGURES,
        """
        expected AS (
            SELECT 'market/fees' AS account, coalesce(sum(fee), 0) AS micros FROM figures
            UNION ALL
            SELECT 'market/tax', coalesce(sum(buyer_vat - provider_vat), 0) FROM figures
        ), settled AS (
            SELECT account_id, sum(amount_micros) AS taken
            FROM ledger_entry JOIN ledger_transfer ON id = transfer_id
            WHERE kind = 'settle' AND account_id IN ('market/fees', 'market/tax')
            GROUP BY account_id
        )
        """,
        """
        SELECT format('%s took %s micros, the settled minutes make %s', account, coalesce(taken, 0), micros)
        FROM expected LEFT JOIN settled ON account_id = account
        WHERE coalesce(taken, 0) <> micros
        """,
    ),
)
