"""What a document says: the shape of its frozen content, which is kept as JSON in the document's row."""

from __future__ import annotations

from dataclasses import dataclass

INVOICE = "invoice"
SELF_BILLED_INVOICE = "self_billed_invoice"
CREDIT_NOTE = "credit_note"
SELF_BILLED_CREDIT_NOTE = "self_billed_credit_note"
TYPE_CODES = {INVOICE: 380, SELF_BILLED_INVOICE: 389, CREDIT_NOTE: 381, SELF_BILLED_CREDIT_NOTE: 261}
"""UNTDID 1001: what the market sells, what it buys and writes the invoice for itself, and what takes either back."""
SOLD_BY_MARKET = frozenset({INVOICE, CREDIT_NOTE})
CREDITS = frozenset({CREDIT_NOTE, SELF_BILLED_CREDIT_NOTE})
"""Kinds whose amounts are written above zero, and go the other way."""


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer as it was known at the close; somebody without a legal identity is only an id."""

    participant_id: str
    company: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    country: str | None = None
    tax_number: str | None = None
    iban: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """All slice-minutes of an instrument at one price and one tax.

    `gross_micros` is quantity x price; `net_micros` is less the market's fee, and what `net_cents` rounds half up.
    """

    number: int
    instrument: str
    price_micros: int
    vat_category: str
    vat_ppm: int
    slice_minutes: int
    gross_micros: int
    fee_micros: int
    net_micros: int
    net_cents: int


@dataclass(frozen=True, slots=True)
class Tax:
    """VAT of one category and rate, on the sum of the rounded lines. `exemption` is a code of the list VATEX."""

    vat_category: str
    vat_ppm: int
    base_cents: int
    vat_cents: int
    exemption: str | None


@dataclass(frozen=True, slots=True)
class Charge:
    """A contract's UTC day (YYYY-MM-DD): a row of the appendix, and what lines are summed from."""

    instrument: str
    price_micros: int
    vat_category: str
    vat_ppm: int
    contract_id: str
    day: str
    billed_minutes: int
    slice_minutes: int
    gross_micros: int
    fee_micros: int
    net_micros: int
    vat_micros: int

    @property
    def line_key(self) -> tuple[str, int, str, int]:
        """Charges with the same key make one line."""
        return self.instrument, self.price_micros, self.vat_category, self.vat_ppm


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier document: its number, and its UTC day of issue (YYYY-MM-DD)."""

    number: str
    issued_on: str


@dataclass(frozen=True, slots=True)
class Content:
    """Parties, lines, tax breakdown, and the appendix per contract and day; of a credit note, what it takes back."""

    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    appendix: tuple[Charge, ...]
    corrects: Reference | None = None

    @property
    def net_cents(self) -> int:
        """The sum of the rounded lines."""
        return sum(line.net_cents for line in self.lines)

    @property
    def vat_cents(self) -> int:
        """The sum over the tax categories."""
        return sum(tax.vat_cents for tax in self.taxes)

    @property
    def captured_micros(self) -> int:
        """What the ledger moved for it, VAT included."""
        return sum(charge.net_micros + charge.vat_micros for charge in self.appendix)
