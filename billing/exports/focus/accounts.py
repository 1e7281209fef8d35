"""Between whom a charge is: the account that a document, or what is not billed yet, belongs to in FOCUS."""

from __future__ import annotations

from billing.documents.as_csv import safe
from billing.documents.content import BUYERS_KINDS, Party
from billing.exports.focus.charges import Account, month_bounds


def account_of(kind: str, market: Party, other: Party, month: str, currency: str, invoice_id: str) -> Account:
    """What the market sells is billed to the buyer; what it buys is billed to the market, by the provider."""
    sold = kind in BUYERS_KINDS
    billed, provider = (other, market) if sold else (market, other)
    start, end = month_bounds(month)
    return Account(
        kind=kind,
        billing_account_id=billed.participant_id,
        billing_account_name=_name(billed),
        service_provider=_name(provider),
        host_provider="" if sold else _name(provider),
        sub_account_id="" if sold else other.participant_id,
        sub_account_name="" if sold else _name(other),
        sub_account_type="" if sold else "Provider",
        currency=currency,
        period_start=start,
        period_end=end,
        invoice_id=invoice_id,
    )


def shown_name(company: str | None, participant_id: str) -> str:
    """How somebody is called, so that no spreadsheet runs it."""
    return safe(company or participant_id)


def _name(party: Party) -> str:
    return shown_name(party.company, party.participant_id)
