"""The arithmetic of `billing.terms` once more, in SQL, and what the ledger has moved for each contract."""

from __future__ import annotations


def figures(name: str, minutes: str, released: str, source: str = "billable_contract") -> str:
    """Table expressions, the last of them `name`: each contract's running totals in micro-units, after so many minutes
    and the release fee of so many more."""
    return f"""
        {name}_counted AS (
            SELECT *, ({minutes})::numeric AS counted_minutes, ({released})::numeric AS fee_minutes FROM {source}
        ), {name}_gross AS (
            SELECT *, counted_minutes * slices * price_micros
                + div(fee_minutes * slices * price_micros * release_ppm, 1000000) AS gross
            FROM {name}_counted
        ), {name}_fee AS (
            SELECT *, div(gross * fee_ppm, 1000000) AS fee, div(gross * buyer_vat_ppm, 1000000) AS buyer_vat
            FROM {name}_gross
        ), {name} AS (
            SELECT *, gross - fee AS provider_net, div((gross - fee) * provider_vat_ppm, 1000000) AS provider_vat
            FROM {name}_fee
        )
    """  # noqa: S608  # joined from constants of the rules


SETTLED = figures("settled", "billed_minutes", "released_minutes")
"""What is captured, of every contract."""

CREDITED = figures("credited", "CASE ending WHEN 'busted' THEN billed_minutes ELSE credited_minutes END", "0")
"""What was taken back of it."""

KEPT = figures("kept", "kept_minutes", "released_minutes")
"""What can be captured at most."""

MOVED = """
    moved AS (
        SELECT entry.reference, split_part(entry.account_id, '/', 2) AS kind, sum(entry.amount_micros) AS micros,
            sum(entry.amount_micros) FILTER (WHERE transfer.kind IN ('settle', 'release', 'unsettle')) AS captured,
            sum(entry.amount_micros) FILTER (WHERE transfer.kind IN ('credit', 'bust')) AS taken,
            sum(entry.amount_micros) FILTER (
                WHERE transfer.kind IN ('reclaim', 'fail') AND entry.account_id <> provider_id || '/cash'
            ) AS compensated
        FROM ledger_entry AS entry
        JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
        JOIN billable_contract ON contract_id = entry.reference
        GROUP BY entry.reference, split_part(entry.account_id, '/', 2)
    ), parties AS (
        SELECT reference AS contract_id,
            coalesce(sum(captured) FILTER (WHERE kind = 'escrow'), 0) AS escrow_captured,
            coalesce(sum(captured) FILTER (WHERE kind IN ('earned', 'payable', 'reserve')), 0) AS provider_captured,
            coalesce(sum(taken) FILTER (WHERE kind = 'cash'), 0) AS buyer_taken,
            coalesce(sum(taken) FILTER (WHERE kind IN ('earned', 'payable', 'reserve')), 0) AS provider_taken,
            coalesce(sum(compensated) FILTER (WHERE kind IN ('escrow', 'cash')), 0) AS compensated
        FROM moved GROUP BY reference
    )
"""
"""What contract `reference` has moved into its accounts of each kind, by what it was for."""
