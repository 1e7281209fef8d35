"""Documents agree with the frozen days, the days with what was captured, and numbers have no gaps."""

from __future__ import annotations

from billing.invariants.figures import figures
from billing.invariants.rule import rule

_BILLED = """
    billed AS (
        SELECT contract_id, coalesce(sum(billed_minutes) FILTER (WHERE item = 'usage'), 0) AS minutes,
            count(*) FILTER (WHERE item = 'release') AS releases, sum(gross_micros) AS gross, sum(fee_micros) AS fee,
            sum(buyer_vat_micros) AS buyer_vat, sum(provider_net_micros) AS provider_net,
            sum(provider_vat_micros) AS provider_vat
        FROM billed_day JOIN billing_period USING (month) WHERE state = 'closed' GROUP BY contract_id
    ), closed AS (
        SELECT extract(epoch FROM (to_date(max(month), 'YYYY-MM') + interval '1 month') AT TIME ZONE 'UTC') / 60
            AS end_minute
        FROM billing_period WHERE state = 'closed'
    ), metered AS (
        SELECT contract_id, div(sum(seconds), 60) AS metered_minutes
        FROM usage_minute WHERE minute < (SELECT end_minute FROM closed) GROUP BY contract_id
    ), counted AS (
        SELECT billable_contract.*, coalesce(minutes, 0) AS day_minutes,
            CASE WHEN released_minute < (SELECT end_minute FROM closed) THEN released_minutes ELSE 0 END AS fee_of,
            CASE ending WHEN 'busted' THEN coalesce(minutes, 0) ELSE coalesce(metered_minutes, 0) END AS metered_minutes
        FROM billable_contract LEFT JOIN billed USING (contract_id) LEFT JOIN metered USING (contract_id)
    )
"""
"""The frozen days of each contract, summed, and what was metered until the end of the last closed month; figures are
wanted of the former."""

_FIGURES = figures("figures", "day_minutes", "fee_of", source="counted")

RULES = (
    rule(
        "documents and their rounding are what was billed",
        """
        charged AS (
            SELECT contract_id, month, gross_micros + buyer_vat_micros AS of_buyer,
                provider_net_micros + provider_vat_micros AS of_provider
            FROM billed_day JOIN billing_period USING (month) WHERE state = 'closed'
            UNION ALL
            SELECT contract_id, to_char(day, 'YYYY-MM'), -gross_micros - buyer_vat_micros,
                -provider_net_micros - provider_vat_micros
            FROM billing_credit
        ), days AS (
            SELECT month, 'invoice' AS kind, buyer_id AS participant_id, sum(of_buyer) AS micros
            FROM charged JOIN billable_contract USING (contract_id) GROUP BY month, buyer_id
            UNION ALL
            SELECT month, 'self_billed_invoice', provider_id, sum(of_provider)
            FROM charged JOIN billable_contract USING (contract_id) GROUP BY month, provider_id
        ), issued AS (
            SELECT month, replace(kind, 'credit_note', 'invoice') AS kind, participant_id,
                sum((total_cents * 10000::numeric + rounding_micros) * CASE WHEN corrects IS NULL THEN 1 ELSE -1 END)
                    AS micros
            FROM document JOIN (SELECT month FROM billing_period WHERE state = 'closed') AS closed USING (month)
            GROUP BY month, replace(kind, 'credit_note', 'invoice'), participant_id
        )
        """,
        """
        SELECT format('%s of %s for %s: %s micros documented, %s billed', kind, participant_id, month,
            coalesce(issued.micros, 0), coalesce(days.micros, 0))
        FROM days FULL JOIN issued USING (month, kind, participant_id)
        WHERE coalesce(issued.micros, 0) <> coalesce(days.micros, 0)
        """,
    ),
    rule(
        "documents say what they sum up to",
        """
        said AS (
            SELECT id, number, net_cents, vat_cents, total_cents * 10000::numeric + rounding_micros AS micros,
                (SELECT coalesce(sum((line ->> 'net_cents')::bigint), 0)
                    FROM jsonb_array_elements(content -> 'lines') AS line) AS lines,
                (SELECT coalesce(sum((tax ->> 'vat_cents')::bigint), 0)
                    FROM jsonb_array_elements(content -> 'taxes') AS tax) AS taxes,
                (SELECT coalesce(sum((charge ->> 'net_micros')::bigint + (charge ->> 'vat_micros')::bigint), 0)
                    FROM jsonb_array_elements(content -> 'appendix') AS charge) AS charged
            FROM document
        )
        """,
        """
        SELECT format('%s: lines of %s and taxes of %s cents, appendix of %s micros; the head says %s, %s and %s',
            coalesce(number, id), lines, taxes, charged, net_cents, vat_cents, micros)
        FROM said WHERE lines <> net_cents OR taxes <> vat_cents OR charged <> micros
        """,
    ),
    rule(
        "what is frozen belongs to a month that is closed, or being closed",
        """
        SELECT format('%s is frozen, and the month is %s', frozen.month, coalesce(state, 'unknown'))
        FROM (SELECT month FROM billed_day UNION SELECT month FROM document) AS frozen
        LEFT JOIN billing_period USING (month)
        WHERE state IS NULL OR state = 'open'
        """,
    ),
    rule(
        "billed days are the metered minutes and their price",
        _BILLED,
        _FIGURES,
        """
        SELECT format('contract %s: %s minutes billed by day, %s metered, %s settled; the days sum to %s micros gross',
            contract_id, day_minutes, metered_minutes, billed_minutes, coalesce(billed.gross, 0))
        FROM figures LEFT JOIN billed USING (contract_id)
        WHERE day_minutes <> metered_minutes OR day_minutes > billed_minutes
            OR coalesce(billed.gross, 0) <> figures.gross
            OR coalesce(billed.fee, 0) <> figures.fee
            OR coalesce(billed.buyer_vat, 0) <> figures.buyer_vat
            OR coalesce(billed.provider_net, 0) <> figures.provider_net
            OR coalesce(billed.provider_vat, 0) <> figures.provider_vat
        """,
    ),
    rule(
        "what was earned in closed months is payable or was taken back",
        """
        earned AS (
            SELECT provider_id, sum(provider_net_micros + provider_vat_micros) AS frozen,
                sum(provider_net_micros + provider_vat_micros) FILTER (WHERE period.state = 'closed') AS micros
            FROM billed_day JOIN billable_contract USING (contract_id) JOIN billing_period AS period USING (month)
            GROUP BY provider_id
        ), moved AS (
            SELECT split_part(account_id, '/', 1) AS provider_id,
                coalesce(sum(-amount_micros) FILTER (WHERE kind = 'payable'), 0) AS micros,
                coalesce(sum(-amount_micros) FILTER (WHERE kind IN ('credit', 'bust', 'recover')), 0) AS taken
            FROM ledger_entry JOIN ledger_transfer ON id = transfer_id
            WHERE kind IN ('payable', 'credit', 'bust', 'recover') AND account_id LIKE '%/earned' GROUP BY 1
        )
        """,
        """
        SELECT format('%s: %s micros made payable, %s billed, %s taken back', provider_id, coalesce(moved.micros, 0),
            coalesce(earned.micros, 0), coalesce(taken, 0))
        FROM earned FULL JOIN moved USING (provider_id)
        WHERE coalesce(moved.micros, 0)
            NOT BETWEEN coalesce(earned.micros, 0) - coalesce(taken, 0) AND coalesce(earned.frozen, 0)
        """,
    ),
    rule(
        "credits are the credited minutes, and none is of more than was billed",
        figures("credited", "credited_minutes", "0"),
        """
        noted AS (
            SELECT contract_id, sum(minutes) AS minutes, sum(gross_micros) AS gross, sum(fee_micros) AS fee,
                sum(buyer_vat_micros) AS buyer_vat, sum(provider_net_micros) AS provider_net,
                sum(provider_vat_micros) AS provider_vat
            FROM billing_credit GROUP BY contract_id
        ), exceeding AS (
            SELECT contract_id FROM billing_credit LEFT JOIN billed_day USING (contract_id, day, item)
            GROUP BY contract_id, day, item, billed_minutes HAVING sum(minutes) > coalesce(billed_minutes, 0)
        )
        """,
        """
        SELECT format('contract %s: %s minutes are credited, %s noted', contract_id, counted_minutes,
            coalesce(minutes, 0))
        FROM credited LEFT JOIN noted USING (contract_id)
        WHERE contract_id IN (SELECT contract_id FROM exceeding) OR credited_minutes <> coalesce(minutes, 0)
            OR coalesce(noted.gross, 0) <> credited.gross OR coalesce(noted.fee, 0) <> credited.fee
            OR coalesce(noted.buyer_vat, 0) <> credited.buyer_vat
            OR coalesce(noted.provider_net, 0) <> credited.provider_net
            OR coalesce(noted.provider_vat, 0) <> credited.provider_vat
        """,
    ),
    rule(
        "document numbers have no gaps",
        """
        drawn AS (
            SELECT issuer, kind, year, count(*) AS documents, min(sequence) AS first, max(sequence) AS last
            FROM document WHERE state <> 'draft' GROUP BY issuer, kind, year
        )
        """,
        """
        SELECT format('%s of %s in %s: %s documents numbered %s to %s, next %s', kind, issuer, year,
            coalesce(documents, 0), first, last, next_number)
        FROM drawn FULL JOIN document_counter USING (issuer, kind, year)
        WHERE (first = 1 AND last = documents AND next_number = documents + 1) IS NOT TRUE
        """,
    ),
)
