"""Documents of a busy month, made from charges without a database: every kind, tax and party that a market meets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from billing.documents.archive import Document
from billing.documents.composition import compose, rounding_micros
from billing.documents.content import (
    BUYERS_KINDS,
    CREDIT_NOTE,
    INVOICE,
    SELF_BILLED_CREDIT_NOTE,
    SELF_BILLED_INVOICE,
    TYPE_CODES,
    Charge,
    Party,
    Reference,
)
from common.money import share_floor
from tests.billing.factories import AUSTRIAN_BUYER, END, GERMAN_PROVIDER, MARKET_FORM, MONTH

AT = END * 60_000_000 + 301_500_000
_NUMBERS = {INVOICE: "INV", SELF_BILLED_INVOICE: "SBI", CREDIT_NOTE: "CRN", SELF_BILLED_CREDIT_NOTE: "SBC"}


def party(participant_id: str, form: Any) -> Party:
    """The party that has filled in the form."""
    return Party(
        participant_id, form.company, form.street, form.postcode, form.city, form.country, form.tax_number, form.iban
    )


MARKET = party("market", MARKET_FORM)
PROVIDER = party("provider", GERMAN_PROVIDER)
BUYER = party("buyer", AUSTRIAN_BUYER)
CONSUMER = Party("nobody")
SMALL_PROVIDER = replace(PROVIDER, tax_number=None, company="Łukasz Ærø & Söhne <Nebengewerbe>")
AMERICAN = Party("us", "Dune Data Inc.", "88 Alvarado Street", "93940", "Monterey", "US", "94-3112233")
GREEK = Party("gr", "Ωμέγα Υπολογιστική", "Οδός Ερμού 5", "105 63", "Αθήνα", "GR", "EL094259216")


def charge(number: int = 1, **changes: Any) -> Charge:
    """A contract's day: 100 minutes of two slices at 4,167 micro-units, taxed at 19 %."""
    plain = Charge(
        "fra1.std.firm", 4_167, "S", 190_000, f"con{number}", f"{MONTH}-{number % 28 + 1:02d}", 100, 200, 0, 0, 0, 0
    )
    made = replace(plain, **changes)
    gross = made.price_micros * made.slice_minutes
    net = gross - made.fee_micros
    return replace(made, gross_micros=gross, net_micros=net, vat_micros=share_floor(net, made.vat_ppm))


def paper(kind: str, other: Party, charges: Iterable[Charge], sequence: int = 1) -> Document:
    """A finalised document between the market and this party."""
    seller, buyer = (MARKET, other) if kind in BUYERS_KINDS else (other, MARKET)
    content = compose(seller, buyer, charges)
    if kind in (CREDIT_NOTE, SELF_BILLED_CREDIT_NOTE):
        corrected = INVOICE if kind == CREDIT_NOTE else SELF_BILLED_INVOICE
        content = replace(
            content,
            corrects=Reference("doc", _number(corrected, sequence), AT, "Minutes that were not delivered", "key"),
        )
    return Document(
        id=f"doc_{kind}_{sequence}",
        kind=kind,
        type_code=TYPE_CODES[kind],
        number=_number(kind, sequence),
        state="finalised",
        month=MONTH,
        issuer="market",
        participant_id=other.participant_id,
        identity_version=1,
        currency="EUR",
        net_cents=content.net_cents,
        vat_cents=content.vat_cents,
        total_cents=content.net_cents + content.vat_cents,
        rounding_micros=rounding_micros(content),
        issued_at_micros=AT,
        content=content,
    )


def busy_month() -> dict[str, Document]:
    """One document of every sort, by what is particular about it."""
    many = [charge(number, price_micros=300 + number % 7) for number in range(60)]
    reverse = [charge(number, vat_category="AE", vat_ppm=0) for number in range(3)]
    outside = [charge(number, vat_category="O", vat_ppm=0) for number in range(3)]
    rates = [charge(1), charge(2, vat_ppm=70_000), charge(3, vat_ppm=255_000), charge(4, vat_ppm=1_500)]
    with_fee = [charge(number, fee_micros=41_671) for number in range(3)]
    outside_fee = [replace(one, vat_category="O", vat_ppm=0, vat_micros=0) for one in with_fee]
    return {
        "normal": paper(INVOICE, replace(BUYER, country="DE", tax_number=None), many),
        "reverse_charge": paper(INVOICE, BUYER, reverse),
        "greek": paper(INVOICE, GREEK, reverse),
        "several_rates": paper(INVOICE, replace(BUYER, country="DE", tax_number="DE136695976"), rates),
        "reverse_charge_and_standard": paper(INVOICE, BUYER, [*reverse, charge(9)]),
        "consumer": paper(INVOICE, CONSUMER, many),
        "outside_the_union": paper(INVOICE, AMERICAN, outside),
        "tiny": paper(INVOICE, CONSUMER, [charge(1, slice_minutes=1, price_micros=1)]),
        "self_billed": paper(SELF_BILLED_INVOICE, PROVIDER, with_fee),
        "without_iban": paper(SELF_BILLED_INVOICE, replace(PROVIDER, iban=None), with_fee),
        "without_vat_number": paper(SELF_BILLED_INVOICE, SMALL_PROVIDER, outside_fee),
        "american_provider": paper(SELF_BILLED_INVOICE, AMERICAN, outside_fee),
        "credit_note": paper(CREDIT_NOTE, BUYER, reverse[:1]),
        "self_billed_credit_note": paper(SELF_BILLED_CREDIT_NOTE, PROVIDER, with_fee[:1]),
    }


def _number(kind: str, sequence: int) -> str:
    return f"{_NUMBERS[kind]}-2026-{sequence:06d}"
