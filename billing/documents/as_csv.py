"""A document as CSV, the same bytes every time: its lines, each with the document's head, for a spreadsheet."""

from __future__ import annotations

import csv
import io

from billing.documents.archive import Document
from billing.documents.content import Line, Party
from billing.documents.printing import cents, issued_at, micros, percent

HEADER = (
    "number",
    "kind",
    "type_code",
    "issued_at",
    "period",
    "currency",
    "seller",
    "seller_tax_number",
    "buyer",
    "buyer_tax_number",
    "line",
    "instrument",
    "item",
    "name",
    "unit",
    "quantity",
    "unit_price",
    "gross",
    "fee",
    "net",
    "vat_category",
    "vat_percent",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def render_csv(document: Document) -> bytes:
    """RFC 4180 in UTF-8 with a header. Names that a spreadsheet would run as a formula begin with an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(_row(document, line) for line in document.content.lines)
    return text.getvalue().encode()


def safe(text: str) -> str:
    """The text, so that no spreadsheet runs it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _row(document: Document, line: Line) -> tuple[str | int, ...]:
    seller, buyer = document.content.seller, document.content.buyer
    return (
        document.number,
        document.kind,
        document.type_code,
        issued_at(document.issued_at_micros),
        document.month,
        document.currency,
        safe(_name(seller)),
        safe(seller.tax_number or ""),
        safe(_name(buyer)),
        safe(buyer.tax_number or ""),
        line.number,
        safe(line.instrument),
        line.item,
        safe(line.name),
        "slice-minute",
        line.slice_minutes,
        micros(line.price_micros),
        micros(line.gross_micros),
        micros(line.fee_micros),
        cents(line.net_cents),
        line.vat_category,
        percent(line.vat_ppm),
    )


def _name(party: Party) -> str:
    return party.company or party.participant_id
