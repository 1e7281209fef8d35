"""The datasets beside Cost and Usage in FOCUS 1.4: Invoice Detail, a row for each line and each tax of a document, and
Billing Period.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection, select, text

from billing import periods
from billing.documents.en16931 import PAYMENT_TERMS
from billing.documents.issue import DRAFT, parties
from billing.documents.printing import cents, issued_at, micros, percent
from billing.exports.focus.accounts import shown_name
from billing.exports.focus.billed import Head, heads
from billing.exports.focus.charges import TAX, USAGE, line_detail, month_bounds, tax_detail
from billing.exports.focus.services import SERVICES
from billing.tables import billing_period
from billing.transfers import MARKET
from common.minutes import month_window

INVOICE_DETAIL_COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "InvoiceDetailCreated",
    "InvoiceDetailDescription",
    "InvoiceDetailGrain",
    "InvoiceDetailId",
    "InvoiceDetailLastUpdated",
    "InvoiceId",
    "InvoiceIssueDate",
    "InvoiceIssueStatus",
    "InvoiceIssuerName",
    "PaymentDueDate",
    "PaymentTerms",
    "ReferenceInvoiceId",
)
BILLING_PERIOD_COLUMNS = (
    "BillingPeriodCreated",
    "BillingPeriodEnd",
    "BillingPeriodLastUpdated",
    "BillingPeriodStart",
    "BillingPeriodStatus",
    "InvoiceIssuerName",
)
# Names as they were at each close; of months that are still open, as they are today.
_BILLED_ISSUERS = text("""
    SELECT DISTINCT month, content -> 'seller' ->> 'company' AS company, content -> 'seller' ->> 'participant_id' AS id
    FROM document
    WHERE state <> :draft AND participant_id = coalesce(CAST(:participant AS text), participant_id)
    ORDER BY month, company, id
""")
_OPEN_ISSUERS = text("""
    SELECT DISTINCT provider_id AS id FROM billable_contract
    WHERE end_minute > :start AND start_minute < :end
        AND provider_id = coalesce(CAST(:participant AS text), provider_id)
    ORDER BY provider_id
""")


def invoice_detail_rows(
    connection: Connection, participant_id: str | None, month: str | None
) -> Iterator[tuple[str, ...]]:
    """By document, its lines and then its taxes."""
    for head in heads(connection, participant_id, month):
        yield from details_of(head)


def details_of(head: Head) -> Iterator[tuple[str, ...]]:
    """The invoice details of one document."""
    invoice = head.account.invoice_id
    for line in head.lines:
        grain = {
            "x_Instrument": line.instrument,
            "x_Item": line.item,
            "x_UnitPrice": micros(line.price_micros),
            "x_SliceMinutes": str(line.slice_minutes),
        }
        detail = line_detail(invoice, line.number)
        yield _row(head, USAGE, detail, f"{SERVICES[line.kind].slices} of {line.name}", grain, line.net_cents)
    for tax in head.taxes:
        label = f"VAT {tax.vat_category} {percent(tax.vat_ppm)} %"
        detail = tax_detail(invoice, tax.vat_category, tax.vat_ppm)
        if tax.vat_ppm:
            yield _row(head, TAX, detail, label, {"x_Base": cents(tax.base_cents)}, tax.vat_cents)


def billing_period_rows(
    connection: Connection, participant_id: str | None, month: str | None
) -> Iterator[tuple[str, ...]]:
    """Every month in which something was sold, with everybody in whose name an invoice of it is issued."""
    query = select(billing_period.c.month, billing_period.c.closed_at_micros)
    closed_at = {row.month: row.closed_at_micros for row in connection.execute(query)}
    billed = defaultdict(list)
    for row in connection.execute(_BILLED_ISSUERS, {"draft": DRAFT, "participant": participant_id}):
        billed[row.month].append(shown_name(row.company, row.id))
    for period in periods.list_periods(connection):
        if month not in (None, period.month):
            continue
        start, end = month_bounds(period.month)
        at_micros = closed_at.get(period.month)
        updated, status = (start, "Open") if at_micros is None else (issued_at(at_micros), "Closed")
        names = (
            billed[period.month] if at_micros is not None else _open_issuers(connection, participant_id, period.month)
        )
        for name in sorted(set(names)):
            yield start, end, updated, start, status, name


def _open_issuers(connection: Connection, participant_id: str | None, month: str) -> list[str]:
    window = month_window(month)
    parameters = {"start": window.start, "end": window.end, "participant": participant_id}
    sellers = [row.id for row in connection.execute(_OPEN_ISSUERS, parameters)]
    known = parties(connection, [MARKET, *sellers])
    return [shown_name(party.company, party.participant_id) for party in known.values()]


def _row(
    head: Head, category: str, detail: str, description: str, grain: dict[str, str], amount: int
) -> tuple[str, ...]:
    account, issued = head.account, issued_at(head.issued_at_micros)
    return (
        cents(account.sign * amount),
        account.billing_account_id,
        account.currency,
        account.period_end,
        account.period_start,
        category,
        issued,
        description,
        json.dumps(grain, ensure_ascii=False),
        detail,
        issued,
        account.invoice_id,
        issued,
        "Issued",
        account.service_provider,
        "",
        PAYMENT_TERMS[account.kind],
        account.invoice_id if head.corrects is None else head.corrects.number,
    )
