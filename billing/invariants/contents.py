"""What documents say, down to each line, tax and row of their appendix, is what was frozen and what it sums up to."""

from __future__ import annotations

from billing.invariants.rule import rule

_DEFAULTS = """'{"item": "usage", "kind": "guest"}'::jsonb"""
"""What documents of older releases leave out of lines and charges."""

_CHARGES = f"""
    charges AS (
        SELECT id, coalesce(number, id) AS number, month, participant_id,
            kind IN ('invoice', 'credit_note') AS of_buyer, {_DEFAULTS} || charge AS charge
        FROM document, jsonb_array_elements(content -> 'appendix') AS charge
    )
"""  # noqa: S608  # joined from a constant

_FROZEN = """
    frozen AS (
        SELECT contract_id, day, item, billed_minutes AS minutes, gross_micros, fee_micros, buyer_vat_micros,
            provider_net_micros, provider_vat_micros
        FROM billed_day
        UNION ALL
        SELECT contract_id, day, item, minutes, gross_micros, fee_micros, buyer_vat_micros, provider_net_micros,
            provider_vat_micros
        FROM billing_credit
    ), expected AS (
        SELECT of_buyer, participant_id, to_char(day, 'YYYY-MM') AS month, jsonb_build_object(
            'instrument', instrument, 'kind', kind, 'item', item, 'contract_id', contract_id, 'day', day,
            'price_micros', price_micros, 'vat_category', vat_category, 'vat_ppm', vat_ppm,
            'billed_minutes', minutes, 'slice_minutes', minutes::bigint * slices,
            'gross_micros', gross_micros, 'fee_micros', fee, 'net_micros', net, 'vat_micros', vat) AS charge
        FROM frozen JOIN billable_contract USING (contract_id), LATERAL (
            VALUES
                (true, buyer_id, buyer_vat_category, buyer_vat_ppm, 0, gross_micros, buyer_vat_micros),
                (false, provider_id, provider_vat_category, provider_vat_ppm, fee_micros, provider_net_micros,
                    provider_vat_micros)
        ) AS side (of_buyer, participant_id, vat_category, vat_ppm, fee, net, vat)
    )
"""

_SAID = f"""
    said AS (
        SELECT id, coalesce(number, id) AS number, ({_DEFAULTS} || line) - 'number' AS part
        FROM document, jsonb_array_elements(content -> 'lines') WITH ORDINALITY AS lines (line, place)
        WHERE (line ->> 'number')::bigint = place
        UNION ALL
        SELECT id, coalesce(number, id), jsonb_strip_nulls(tax)
        FROM document, jsonb_array_elements(content -> 'taxes') AS tax
    )
"""  # noqa: S608  # joined from a constant

_SUMMED = """
    lines AS (
        SELECT id, number, charge ->> 'instrument' AS instrument, charge ->> 'kind' AS kind, charge ->> 'item' AS item,
            (charge ->> 'price_micros')::bigint AS price_micros, charge ->> 'vat_category' AS vat_category,
            (charge ->> 'vat_ppm')::bigint AS vat_ppm, sum((charge ->> 'slice_minutes')::bigint) AS slice_minutes,
            sum((charge ->> 'gross_micros')::bigint) AS gross_micros,
            sum((charge ->> 'fee_micros')::bigint) AS fee_micros,
            sum((charge ->> 'net_micros')::bigint) AS net_micros,
            div(sum((charge ->> 'net_micros')::bigint) + 5000, 10000) AS net_cents
        FROM charges GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ), taxes AS (
        SELECT id, number, vat_category, vat_ppm, sum(net_cents) AS base_cents,
            div(sum(net_cents) * vat_ppm + 500000, 1000000) AS vat_cents,
            CASE vat_category WHEN 'AE' THEN 'VATEX-EU-AE' WHEN 'O' THEN 'VATEX-EU-O' END AS exemption
        FROM lines GROUP BY id, number, vat_category, vat_ppm
    ), summed AS (
        SELECT id, number, to_jsonb(lines) - 'id' - 'number' AS part FROM lines
        UNION ALL
        SELECT id, number, jsonb_strip_nulls(to_jsonb(taxes) - 'id' - 'number') FROM taxes
    )
"""

RULES = (
    rule(
        "documents charge what was frozen",
        _CHARGES,
        _FROZEN,
        """
        SELECT format('%s charges what was not frozen so: %s', number, charge)
        FROM charges WHERE NOT EXISTS (
            SELECT FROM expected WHERE expected.charge = charges.charge
                AND (expected.of_buyer, expected.participant_id, expected.month)
                    = (charges.of_buyer, charges.participant_id, charges.month)
        )
        """,
    ),
    rule(
        "lines and taxes of documents are the sums of their charges",
        _CHARGES,
        _SAID,
        _SUMMED,
        """
        SELECT format('%s says %s, its charges make %s', coalesce(said.number, summed.number), said.part, summed.part)
        FROM said FULL JOIN summed USING (id, part) WHERE said.part IS NULL OR summed.part IS NULL
        """,
    ),
    rule(
        "credit notes name what they correct",
        """
        SELECT format('%s corrects %s, and says %s', coalesce(note.number, note.id), note.corrects,
            note.content -> 'corrects')
        FROM document AS note LEFT JOIN document AS corrected ON corrected.id = note.corrects
        WHERE (note.corrects, corrected.number, corrected.issued_at_micros) IS DISTINCT FROM (
            note.content -> 'corrects' ->> 'document_id', note.content -> 'corrects' ->> 'number',
            (note.content -> 'corrects' ->> 'issued_at_micros')::bigint)
        """,
    ),
    rule(
        "documents are called by their kind, year and number",
        """
        names (kind, type_code, prefix) AS (
            VALUES ('invoice', 380, 'INV'), ('self_billed_invoice', 389, 'SBI'), ('credit_note', 381, 'CN'),
                ('self_billed_credit_note', 261, 'SCN')
        )
        """,
        """
        SELECT format('%s is the %s %s of %s, in %s, of type %s', number, kind, sequence, year, document.currency,
            document.type_code)
        FROM document LEFT JOIN names USING (kind), deployment
        WHERE document.type_code IS DISTINCT FROM names.type_code OR document.currency <> deployment.currency
            OR (state <> 'draft' AND number !~ format('^%s-%s-0*%s(-[0-9A-Z]+)?$', prefix, year, sequence))
        """,
    ),
)
