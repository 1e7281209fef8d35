"""A document in the terms of EN 16931, which both syntaxes, UBL and CII, are written from. Pure.

"BT-n" and "BG-n" are the business terms and groups of the standard. Two of its rules shape what follows. A document
that is outside the scope of VAT (category O) names no VAT number and no rate, and no line of any other category may
stand beside it (BR-O-02, BR-O-05, BR-O-11 to 14). And every party has a country (BR-09, BR-11).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from billing.daily import USAGE
from billing.documents.archive import Document
from billing.documents.content import (
    CREDIT_NOTE,
    INVOICE,
    SELF_BILLED_CREDIT_NOTE,
    SELF_BILLED_INVOICE,
    Line,
    Party,
    Reference,
    Tax,
)
from billing.documents.printing import cents, issued_at, micros, percent
from billing.tax import OUT_OF_SCOPE
from billing.vat_rates import EU_STANDARD_RATES_PPM
from common.errors import Refused
from common.minutes import minute_start, month_window
from common.money import cents_half_up

SPECIFICATION = "urn:cen.eu:en16931:2017"
UNIT_MINUTE = "MIN"
UNIT_ONE = "C62"
"""UN/ECE recommendation 20; the quantity of a line is slice-minutes, of release fees one."""
CREDIT_TRANSFER = "58"
MUTUALLY_DEFINED = "ZZZ"
FEE_REASON = "Market fee"

EXEMPTION_TEXTS = {"AE": "Reverse charge", "O": "Not subject to VAT"}
_NOTES = {
    SELF_BILLED_INVOICE: "Self-billing: issued by the buyer in the name and on behalf of the seller.",
    SELF_BILLED_CREDIT_NOTE: "Self-billing: issued by the buyer in the name and on behalf of the seller.",
}
PAYMENT_TERMS = {
    INVOICE: "Paid from the buyer's balance with the market.",
    SELF_BILLED_INVOICE: "Paid out by the market to the account of the seller.",
    CREDIT_NOTE: "Credited to the buyer's balance with the market.",
    SELF_BILLED_CREDIT_NOTE: "Deducted from the seller's balance with the market.",
}


@dataclass(frozen=True, slots=True)
class Trader:
    """A seller or buyer. Its tax number is a VAT number (BT-31, BT-48), or some other number (BT-32, BT-47)."""

    id: str
    name: str
    street: str | None
    postcode: str | None
    city: str | None
    country: str
    vat_number: str | None
    other_number: str | None


@dataclass(frozen=True, slots=True)
class Preceding:
    """An earlier invoice (BG-3)."""

    number: str
    issued_on: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """An invoice line (BG-25), as text; `fee` is an allowance on the line (BG-27), `rate` absent outside the scope."""

    id: str
    instrument: str
    name: str
    unit: str
    quantity: str
    price: str
    net: str
    fee: str | None
    category: str
    rate: str | None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The tax of a category and rate (BG-23), as text."""

    category: str
    rate: str | None
    base: str
    amount: str
    exemption_code: str | None
    exemption_text: str | None


@dataclass(frozen=True, slots=True)
class EInvoice:
    """What a document says in the terms of the standard. Dates are YYYY-MM-DD, amounts decimal text with two decimals.

    `payee_iban` (BT-84) is where a credit transfer goes; `payment_means` (BT-81) is absent where nothing is due.
    """

    number: str
    issued_on: str
    type_code: str
    currency: str
    notes: tuple[str, ...]
    corrects: Preceding | None
    seller: Trader
    buyer: Trader
    period_start: str
    period_end: str
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[Breakdown, ...]
    net: str
    vat: str
    total: str
    prepaid: str
    due: str
    payment_terms: str
    payment_means: str | None
    payee_iban: str | None


def e_invoice(document: Document) -> EInvoice:
    """Raises Refused (`not_an_e_invoice`) where the standard has no form for what the document says."""
    content = document.content
    categories = {tax.vat_category for tax in content.taxes}
    if len(categories) > 1 and OUT_OF_SCOPE in categories:
        raise Refused(
            "not_an_e_invoice", f"{document.number} mixes lines inside and outside the scope of VAT: no XML can say so"
        )
    with_vat = OUT_OF_SCOPE not in categories
    first, last = _period(document.month)
    payable = document.kind == SELF_BILLED_INVOICE
    iban = content.seller.iban if payable else None
    return EInvoice(
        number=document.number,
        issued_on=issued_at(document.issued_at_micros)[:10],
        type_code=str(document.type_code),
        currency=document.currency,
        notes=notes_of(document),
        corrects=_corrected(content.corrects),
        seller=_trader(document, content.seller, content.buyer, with_vat),
        buyer=_trader(document, content.buyer, content.seller, with_vat),
        period_start=first,
        period_end=last,
        lines=tuple(_line(line) for line in content.lines),
        taxes=tuple(_breakdown(tax) for tax in content.taxes),
        net=cents(document.net_cents),
        vat=cents(document.vat_cents),
        total=cents(document.total_cents),
        prepaid=cents(0 if payable else document.total_cents),
        due=cents(document.total_cents if payable else 0),
        payment_terms=PAYMENT_TERMS[document.kind],
        payment_means=(CREDIT_TRANSFER if iban else MUTUALLY_DEFINED) if payable else None,
        payee_iban=iban,
    )


def notes_of(document: Document) -> tuple[str, ...]:
    """What the law wants said on self-billed documents, and what a credit note corrects."""
    notes = [_NOTES[document.kind]] if document.kind in _NOTES else []
    if document.content.corrects is not None:
        notes.append(f"Correction of {document.content.corrects.number}: {document.content.corrects.reason}")
    return tuple(notes)


def _corrected(reference: Reference | None) -> Preceding | None:
    return None if reference is None else Preceding(reference.number, issued_at(reference.issued_at_micros)[:10])


def _trader(document: Document, party: Party, other: Party, with_vat: bool) -> Trader:
    """A party that never said who it is counts as one in the other's country, as `billing.tax` has it."""
    country = party.country or other.country
    if country is None:
        raise Refused("not_an_e_invoice", f"{document.number} names no country: no XML can say so")
    has_vat_number = with_vat and country in EU_STANDARD_RATES_PPM
    return Trader(
        id=party.participant_id,
        name=party.company or party.participant_id,
        street=party.street,
        postcode=party.postcode,
        city=party.city,
        country=country,
        vat_number=party.tax_number if has_vat_number else None,
        other_number=None if has_vat_number else party.tax_number,
    )


def _line(line: Line) -> InvoiceLine:
    fee_cents = cents_half_up(line.gross_micros) - line.net_cents
    used = line.item == USAGE  # a release fee is a part of the price of what is given back
    return InvoiceLine(
        id=str(line.number),
        instrument=line.instrument,
        name=line.name,
        unit=UNIT_MINUTE if used else UNIT_ONE,
        quantity=str(line.slice_minutes if used else 1),
        price=micros(line.price_micros if used else line.gross_micros),
        net=cents(line.net_cents),
        fee=cents(fee_cents) if fee_cents else None,
        category=line.vat_category,
        rate=_rate(line.vat_category, line.vat_ppm),
    )


def _breakdown(tax: Tax) -> Breakdown:
    return Breakdown(
        category=tax.vat_category,
        rate=_rate(tax.vat_category, tax.vat_ppm),
        base=cents(tax.base_cents),
        amount=cents(tax.vat_cents),
        exemption_code=tax.exemption,
        exemption_text=EXEMPTION_TEXTS.get(tax.vat_category),
    )


def _rate(category: str, ppm: int) -> str | None:
    return None if category == OUT_OF_SCOPE else percent(ppm)


def _period(month: str) -> tuple[str, str]:
    """The first and the last day of the month."""
    window = month_window(month)
    first, after = minute_start(window.start), minute_start(window.end)
    return first.date().isoformat(), (after - timedelta(days=1)).date().isoformat()
