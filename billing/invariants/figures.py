"""The arithmetic of `billing.terms` once more, in SQL, and what the ledger has moved for each contract."""

from __future__ import annotations

SETTLED = "counted AS (SELECT *, billed_minutes AS counted_minutes FROM billable_contract)"
"""Every contract, with the minutes that figures are wanted of: those that are settled."""

FIGURES = """
    gross_of AS (
        SELECT *, end_minute - start_minute AS minutes, counted_minutes::numeric * slices * price_micros AS gross
        FROM counted
    ), fee_of AS (
        SELECT *, div(gross * fee_ppm, 1000000) AS fee, div(gross * buyer_vat_ppm, 1000000) AS buyer_vat
        FROM gross_of
    ), figures AS (
        SELECT *, gross - fee AS provider_net, div((gross - fee) * provider_vat_ppm, 1000000) AS provider_vat,
            div(bond_micros::numeric * counted_minutes, minutes) AS bond_returned
        FROM fee_of
    )
"""
"""From `counted`: the running totals of each contract after its counted minutes, in micro-units."""

MOVED = """
    moved AS (
        SELECT entry.reference, split_part(entry.account_id, '/', 2) AS kind, sum(entry.amount_micros) AS micros,
            sum(entry.amount_micros) FILTER (WHERE transfer.kind = 'settle') AS settled
        FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
        WHERE transfer.kind IN ('trade', 'settle', 'complete')
        GROUP BY entry.reference, split_part(entry.account_id, '/', 2)
    )
"""
"""What contract `reference` has moved into its accounts of each kind, and how much of it by settlement."""
