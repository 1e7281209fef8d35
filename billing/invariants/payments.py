"""Debts and payments agree with the ledger."""

from __future__ import annotations

from billing.invariants.rule import rule

RULES = (
    rule(
        "what providers owe is what the reserve has paid for them",
        """
        covered AS (
            SELECT provider_id, -sum(amount_micros) AS micros
            FROM ledger_entry JOIN ledger_transfer ON id = transfer_id
            JOIN billable_contract ON contract_id = reference
            WHERE account_id = 'market/reserve' AND ledger_transfer.kind IN ('credit', 'bust', 'unsettle')
            GROUP BY provider_id
        ), recovered AS (
            SELECT split_part(account_id, '/', 1) AS provider_id, -sum(amount_micros) AS micros
            FROM ledger_entry JOIN ledger_transfer ON id = transfer_id
            WHERE ledger_transfer.kind = 'recover' AND account_id LIKE '%/earned' GROUP BY 1
        )
        """,
        """
        SELECT format('%s: covered %s, recovered %s micros are noted, the ledger has %s and %s', provider_id,
            covered_micros, recovered_micros, coalesce(covered.micros, 0), coalesce(recovered.micros, 0))
        FROM provider_debt FULL JOIN covered USING (provider_id) FULL JOIN recovered USING (provider_id)
        WHERE coalesce(covered.micros, 0) IS DISTINCT FROM covered_micros
            OR coalesce(recovered.micros, 0) IS DISTINCT FROM recovered_micros
        """,
    ),
    rule(
        "every payment is booked, and nothing else has left the bank",
        """
        booked AS (
            SELECT CASE kind WHEN 'payout' THEN reference ELSE key END AS name,
                split_part(account_id, '/', 1) AS participant_id, -amount_micros AS micros
            FROM ledger_entry JOIN ledger_transfer ON id = transfer_id
            WHERE kind IN ('payout', 'withdrawal') AND account_id <> 'market/bank'
        ), ordered AS (
            SELECT CASE kind WHEN 'payout' THEN id ELSE format('withdrawal:%s:%s', participant_id, key) END AS name,
                participant_id, amount_cents
            FROM payment
        )
        """,
        """
        SELECT format('payment %s to %s: %s cents ordered, %s micros booked', name, participant_id, amount_cents,
            micros)
        FROM ordered FULL JOIN booked USING (name, participant_id)
        WHERE amount_cents * 10000::numeric IS DISTINCT FROM micros
        """,
    ),
    rule(
        "payouts go to the bank accounts of those who earned them",
        """
        SELECT format('payout %s to %s goes to %s of %s, the legal identity says %s of %s', payment.id,
            payment.participant_id, payment.iban, holder, identity.iban, company)
        FROM payment LEFT JOIN legal_identity AS identity
            ON (identity.participant_id, version) = (payment.participant_id, identity_version)
        WHERE payment.kind = 'payout' AND (payment.iban, holder) IS DISTINCT FROM (identity.iban, company)
        """,
    ),
)
