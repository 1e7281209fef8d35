"""What a document says: the shape of its frozen content, which is kept as JSON in the document's row."""

from __future__ import annotations

from dataclasses import dataclass

INVOICE = "invoice"
SELF_BILLED_INVOICE = "self_billed_invoice"
CREDIT_NOTE = "credit_note"
SELF_BILLED_CREDIT_NOTE = "self_billed_credit_note"
TYPE_CODES = {INVOICE: 380, SELF_BILLED_INVOICE: 389, CREDIT_NOTE: 381, SELF_BILLED_CREDIT_NOTE: 261}
"""UNTDID 1001: what the market sells, what it buys and writes the invoice for itself, and what takes either back."""

VOLUME = "volume"
"""The kind of a contract for storage."""

BUYERS_KINDS = (INVOICE, CREDIT_NOTE)
CORRECTED_BY = {INVOICE: CREDIT_NOTE, SELF_BILLED_INVOICE: SELF_BILLED_CREDIT_NOTE}
CREDITS = frozenset(CORRECTED_BY.values())
"""A credit note's amounts are positive, and are taken off the document that it corrects."""


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

    `gross_micros` is quantity x price, or (`item` release) the release fee for so many slice-minutes at that price;
    `net_micros` is less the market's fee, and what `net_cents` rounds half up. `kind` is what the contracts are for.
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
    item: str = "usage"
    kind: str = "guest"

    @property
    def name(self) -> str:
        """What is charged, in words."""
        return _name(self)

    @property
    def line_key(self) -> tuple[str, int, str, int, str]:
        """That of its charges."""
        return self.instrument, self.price_micros, self.vat_category, self.vat_ppm, self.item


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
    item: str = "usage"
    kind: str = "guest"

    @property
    def name(self) -> str:
        """What is charged, in words."""
        return _name(self)

    @property
    def line_key(self) -> tuple[str, int, str, int, str]:
        """Charges with the same key make one line: all usage of a price and tax, or all its release fees."""
        return self.instrument, self.price_micros, self.vat_category, self.vat_ppm, self.item


@dataclass(frozen=True, slots=True)
class Reference:
    """The document that a credit note corrects, and why. `key` tells several credit notes to one document apart."""

    document_id: str
    number: str
    issued_at_micros: int
    reason: str
    key: str


@dataclass(frozen=True, slots=True)
class Content:
    """Parties, lines, tax breakdown, and the appendix per contract and day. Of a credit note, what it `corrects`."""

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


def _name(charged: Line | Charge) -> str:
    what = f"{charged.instrument}, storage" if charged.kind == VOLUME else charged.instrument
    return what if charged.item == "usage" else f"{what}, release fee"
