"""Contracts, metered minutes and the ledger agree, with every figure computed anew."""

from __future__ import annotations

from billing.invariants.figures import CREDITED, KEPT, MOVED, SETTLED, figures
from billing.invariants.rule import rule

_HELD = """
    held AS (
        SELECT contract_id, kept.buyer_id || '/escrow' AS account, 'escrow' AS kind,
            kept.gross + kept.buyer_vat - settled.gross - settled.buyer_vat AS micros
        FROM kept JOIN settled USING (contract_id)
        UNION ALL
        SELECT contract_id, provider_id || '/bond', 'bond',
            CASE state
                WHEN 'open' THEN div(bond_micros * counted_minutes, end_minute - start_minute)
                    - div(bond_micros::numeric * bond_minutes, end_minute - start_minute)
                ELSE 0
            END
        FROM kept
    )
"""
"""What each contract still needs: escrow for what may be billed and is not, bond while it is open."""

RULES = (
    rule(
        "escrow and bond are those of the open contracts",
        SETTLED,
        KEPT,
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
        KEPT,
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
        "escrow and bond are what the trade took",
        figures("whole", "end_minute - start_minute", "0"),
        """
        taken AS (
            SELECT reference AS contract_id,
                coalesce(sum(amount_micros) FILTER (WHERE account_id LIKE '%/escrow'), 0) AS escrow,
                coalesce(sum(amount_micros) FILTER (WHERE account_id LIKE '%/bond'), 0) AS bond
            FROM ledger_entry JOIN ledger_transfer ON id = transfer_id
            WHERE ledger_transfer.kind = 'trade' GROUP BY reference
        )
        """,
        """
        SELECT format('contract %s: the trade took %s and %s micros, its terms say %s and %s', contract_id, escrow,
            bond, escrow_micros, bond_micros)
        FROM whole FULL JOIN taken USING (contract_id)
        WHERE escrow IS DISTINCT FROM escrow_micros OR bond IS DISTINCT FROM bond_micros
            OR escrow_micros <> gross + buyer_vat
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
        "minutes that count are of their contract's node and window, and were reported",
        """
        SELECT format('contract %s: minute %s of node %s, report %s of life %s', contract_id, usage.minute,
            usage.node_id, usage.sequence, usage.life)
        FROM usage_minute AS usage LEFT JOIN billable_contract AS contract USING (contract_id)
        LEFT JOIN usage_receipt AS receipt
            ON (receipt.node_id, receipt.life, receipt.sequence) = (usage.node_id, usage.life, usage.sequence)
        WHERE receipt.sequence IS NULL OR usage.node_id IS DISTINCT FROM contract.node_id
            OR usage.minute NOT BETWEEN start_minute AND end_minute - 1
        """,
    ),
    rule(
        "disputed minutes count as they were decided",
        """
        counted AS (SELECT dispute_id AS id, count(*) AS counted FROM usage_disputed_minute GROUP BY dispute_id)
        """,
        """
        SELECT format('contract %s minute %s: %s seconds count, %s were decided', contract_id, minute, seconds,
            counted_seconds)
        FROM usage_disputed_minute LEFT JOIN usage_minute USING (contract_id, minute)
        LEFT JOIN (SELECT id, state FROM usage_dispute) AS dispute ON id = dispute_id
        WHERE state IS NULL OR seconds IS DISTINCT FROM counted_seconds OR (state = 'open' AND counted_seconds <> 0)
            OR (state = 'rejected' AND counted_seconds <> reported_seconds)
        UNION ALL
        SELECT format('dispute %s is of %s minutes, %s are there', id, minutes, coalesce(counted, 0))
        FROM usage_dispute LEFT JOIN counted USING (id)
        WHERE minutes <> coalesce(counted, 0)
        """,
    ),
    rule(
        "captured is metered minutes x price and release fees",
        SETTLED,
        MOVED,
        """
        SELECT format('contract %s: %s micros left escrow, %s were earned; %s minutes and a fee for %s make %s and %s',
            contract_id, -coalesce(escrow_captured, 0), coalesce(provider_captured, 0), billed_minutes,
            released_minutes, gross + buyer_vat, provider_net + provider_vat)
        FROM settled LEFT JOIN parties USING (contract_id)
        WHERE -coalesce(escrow_captured, 0) <> gross + buyer_vat
            OR coalesce(provider_captured, 0) <> provider_net + provider_vat
        """,
    ),
    rule(
        "what was taken back is credited minutes x price",
        CREDITED,
        MOVED,
        """
        SELECT format('contract %s: the buyer got %s micros back, the provider gave %s, credited are %s and %s',
            contract_id, coalesce(buyer_taken, 0), -coalesce(provider_taken, 0), gross + buyer_vat,
            provider_net + provider_vat)
        FROM credited LEFT JOIN parties USING (contract_id)
        WHERE coalesce(buyer_taken, 0) <> gross + buyer_vat
            OR -coalesce(provider_taken, 0) <> provider_net + provider_vat
        """,
    ),
    rule(
        "bonds pay what they owe to buyers",
        MOVED,
        """
        owed AS (
            SELECT contract_id, compensation_micros, CASE ending
                WHEN 'reclaimed' THEN least(
                    div(limit_price_micros::numeric * slices * (end_minute - ended_minute) * break_ppm, 1000000),
                    bond_micros - div(bond_micros::numeric * (ended_minute - start_minute), end_minute - start_minute))
                WHEN 'failed' THEN compensation_micros ELSE 0
            END AS due
            FROM billable_contract
        )
        """,
        """
        SELECT format('contract %s: %s micros of its bond went to the buyer, %s are noted, %s are due', contract_id,
            coalesce(compensated, 0), compensation_micros, due)
        FROM owed LEFT JOIN parties USING (contract_id)
        WHERE coalesce(compensated, 0) <> compensation_micros OR compensation_micros <> due
        """,
    ),
    rule(
        "the market keeps its fees and owes its taxes",
        SETTLED,
        CREDITED,
        """
        expected AS (
            SELECT sum(settled.fee - credited.fee) AS fees,
                sum(settled.buyer_vat - settled.provider_vat - credited.buyer_vat + credited.provider_vat) AS tax
            FROM settled JOIN credited USING (contract_id)
        ), taken AS (
            SELECT coalesce(sum(amount_micros) FILTER (WHERE account_id = 'market/fees'), 0) AS fees,
                coalesce(sum(amount_micros) FILTER (WHERE account_id = 'market/tax'), 0) AS tax
            FROM ledger_entry WHERE account_id IN ('market/fees', 'market/tax')
        )
        """,
        """
        SELECT format('fees and tax took %s and %s micros, the settled minutes make %s and %s', taken.fees, taken.tax,
            coalesce(expected.fees, 0), coalesce(expected.tax, 0))
        FROM expected, taken
        WHERE taken.fees <> coalesce(expected.fees, 0) OR taken.tax <> coalesce(expected.tax, 0)
        """,
    ),
)
