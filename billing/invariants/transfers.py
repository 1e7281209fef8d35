"""Transfers are whole, move what their kind may move, and are as they were posted and sealed."""

from __future__ import annotations

from billing.chart import ROUTES
from billing.invariants.rule import rule
from billing.seals import SEAL_SHA256, TRANSFER_DIGESTS

_SIDES = sorted(
    {(kind, source, -1) for kind, flows in ROUTES.items() for source, _ in flows}
    | {(kind, target, 1) for kind, flows in ROUTES.items() for _, target in flows}
)
_CHART = "VALUES " + ", ".join(f"('{kind}', '{side}', {sign})" for kind, side, sign in _SIDES)

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
    rule(
        "every transfer moves what its kind may move",
        f"chart (kind, side, sign) AS ({_CHART})",
        """
        SELECT format('transfer %s is a %s and moves %s micros on %s', key, kind, amount_micros, account_id)
        FROM ledger_transfer JOIN ledger_entry ON transfer_id = id
        WHERE NOT EXISTS (
            SELECT FROM chart
            WHERE chart.kind = ledger_transfer.kind AND side = split_part(account_id, '/', 2)
                AND chart.sign = sign(amount_micros)
        )
        """,
    ),
    rule(
        "every transfer is what was posted",
        """
        SELECT format('transfer %s is not what was posted under its key', key)
        FROM ledger_transfer LEFT JOIN ledger_entry ON transfer_id = id
        GROUP BY id
        HAVING content_sha256 IS DISTINCT FROM sha256(convert_to(
            concat_ws(chr(30), kind, string_agg(
                concat_ws(chr(31), account_id, amount_micros, coalesce(reference, '')), chr(30) ORDER BY ordinal)),
            'UTF8'))
        """,
    ),
    rule(
        "every seal is over its transfers and the seal before",
        f"digests AS ({TRANSFER_DIGESTS} GROUP BY transfer.id)",
        """
        sealed AS (
            SELECT id, digest, (
                SELECT sequence FROM ledger_seal WHERE last_transfer_id >= id ORDER BY last_transfer_id LIMIT 1
            ) AS sequence
            FROM digests
        ), chain AS (
            SELECT ledger_seal.*, row_number() OVER (ORDER BY sequence) AS place,
                lag(sha256, 1, ''::bytea) OVER (ORDER BY sequence) AS previous
            FROM ledger_seal
        )
        """,
        f"""
        resealed AS (
            SELECT sequence, last_transfer_id, transfers, sha256, place, count(id) AS found, {SEAL_SHA256} AS computed
            FROM chain LEFT JOIN sealed USING (sequence)
            GROUP BY sequence, last_transfer_id, transfers, at_micros, sha256, place, previous
        )
        """,  # noqa: S608  # joined from a constant
        """
        SELECT format('seal %s, up to transfer %s, does not fit the %s transfers that are there', sequence,
            last_transfer_id, found)
        FROM resealed WHERE sequence <> place OR found <> transfers OR sha256 <> computed
        """,
    ),
)
