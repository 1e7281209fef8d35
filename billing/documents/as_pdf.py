"""A document as PDF/A-3 on A4, for people: and, as Factur-X, with its CII inside, for programs.

Typst sets it from `invoice.typ`. The same document gives the same bytes: dates are those of the issue, ids follow from
the content, and the fonts are the vendored ones.
"""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import typst

from billing.documents.archive import Document
from billing.documents.as_cii import render_cii
from billing.documents.content import (
    CREDIT_NOTE,
    INVOICE,
    SELF_BILLED_CREDIT_NOTE,
    SELF_BILLED_INVOICE,
    Charge,
    Content,
    Line,
    Party,
)
from billing.documents.en16931 import EXEMPTION_TEXTS, PAYMENT_TERMS, notes_of
from billing.documents.factur_x import declare_factur_x
from billing.documents.printing import cents, issued_at, micros, percent
from common.errors import Refused
from common.money import cents_half_up

USAGE_ROWS = 1_000
"""A longer appendix is cut in print; JSON has all of it."""

_FOLDER = Path(__file__).parent
_TITLES = {
    INVOICE: "Invoice",
    SELF_BILLED_INVOICE: "Self-billed invoice",
    CREDIT_NOTE: "Credit note",
    SELF_BILLED_CREDIT_NOTE: "Self-billed credit note",
}
_UNPRINTABLE = re.compile(
    "[^\x20-\x7e\xa0-\xac\xae-\u0377\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u03e1\u03f0-\u052f\u1e00-\u1f15"
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u215f]"
)
"""What the vendored fonts have no glyph for, which PDF/A forbids."""
_one_at_a_time = threading.Lock()


def render_pdf(document: Document) -> bytes:
    """PDF/A-3b; a Factur-X of the profile EN 16931 wherever that standard has a form for what the document says."""
    try:
        xml = render_cii(document).decode()
    except Refused:
        xml = ""
    with _one_at_a_time:
        printed = _compiler().compile(
            format="pdf",
            pdf_standards=["a-3b"],
            sys_inputs={"document": json.dumps(_shown(document)), "xml": xml},
            timestamp=_issue(document),
            pdf_tags=False,  # PDF/A-3b wants none, and they would make a long appendix twenty times as large
        )
    assert isinstance(printed, bytes)
    return declare_factur_x(printed) if xml else printed


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(
        _FOLDER.joinpath("invoice.typ"), font_paths=[_FOLDER.joinpath("fonts")], ignore_system_fonts=True
    )


def _issue(document: Document) -> datetime:
    return datetime.fromtimestamp(document.issued_at_micros // 1_000_000, UTC)


def _shown(document: Document) -> dict[str, Any]:
    """What the template prints, every figure as text."""
    content, issue = document.content, _issue(document)
    appendix = content.appendix[:USAGE_ROWS]
    left_out = len(content.appendix) - len(appendix)
    return {
        "title": f"{_TITLES[document.kind]} {document.number}",
        "number": document.number,
        "issuer": _printable(_name(content.seller)),
        "date": {"year": issue.year, "month": issue.month, "day": issue.day},
        "currency": document.currency,
        "seller": _party(content.seller),
        "buyer": _party(content.buyer),
        "facts": _facts(document),
        "lines": [_line(line) for line in content.lines],
        "sums": _sums(document),
        "notes": _notes(document),
        "bank": _bank(document),
        "usage": [_usage(charge) for charge in appendix],
        "omitted": f"{left_out} more rows are in the document's JSON." if left_out else "",
    }


def _facts(document: Document) -> list[list[str]]:
    facts = [
        ["Number", document.number],
        ["Date", issued_at(document.issued_at_micros)[:10]],
        ["Period", document.month],
        ["Type", str(document.type_code)],
    ]
    if document.content.corrects is not None:
        corrected_on = issued_at(document.content.corrects.issued_at_micros)[:10]
        facts.append(["Corrects", f"{document.content.corrects.number} of {corrected_on}"])
    return facts


def _party(party: Party) -> dict[str, Any]:
    place = " ".join(part for part in (party.postcode, party.city) if part)
    tax = f"Tax number {party.tax_number}" if party.tax_number else None
    lines = [party.street, place, party.country, tax, party.participant_id if party.company else None]
    return {"name": _printable(_name(party)), "lines": [_printable(line) for line in lines if line]}


def _name(party: Party) -> str:
    return party.company or party.participant_id


def _line(line: Line) -> list[str]:
    fee = cents_half_up(line.gross_micros) - line.net_cents
    return [
        str(line.number),
        line.name,
        f"{line.slice_minutes:,}",
        micros(line.price_micros),
        _grouped(cents_half_up(line.gross_micros)),
        _grouped(-fee) if fee else "",
        _tax_text(line.vat_category, line.vat_ppm),
        _grouped(line.net_cents),
    ]


def _sums(document: Document) -> list[tuple[str, str, bool]]:
    """Label, amount, and whether it is printed bold."""
    currency = document.currency
    payable = document.kind == SELF_BILLED_INVOICE
    return [
        ("Net", _grouped(document.net_cents), False),
        *(
            (
                f"VAT {_tax_text(tax.vat_category, tax.vat_ppm)} on {_grouped(tax.base_cents)}",
                _grouped(tax.vat_cents),
                False,
            )
            for tax in document.content.taxes
        ),
        (f"Total {currency}", _grouped(document.total_cents), True),
        (f"Settled {currency}", _grouped(0 if payable else document.total_cents), False),
        (f"Due {currency}", _grouped(document.total_cents if payable else 0), True),
    ]


def _notes(document: Document) -> list[str]:
    exemptions = (
        f"{EXEMPTION_TEXTS[tax.vat_category]} ({tax.exemption})."
        for tax in document.content.taxes
        if tax.exemption is not None
    )
    return [*notes_of(document), *exemptions, PAYMENT_TERMS[document.kind]]


def _bank(document: Document) -> list[list[str]]:
    """The seller's account, where one is known: what is due is paid to it."""
    content: Content = document.content
    if content.seller.iban is None:
        return []
    iban = content.seller.iban
    grouped = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
    return [["Account holder", _printable(_name(content.seller))], ["IBAN", grouped], ["Reference", document.number]]


def _usage(charge: Charge) -> list[str]:
    return [
        charge.day,
        charge.contract_id,
        charge.name,
        f"{charge.billed_minutes:,}",
        f"{charge.slice_minutes:,}",
        micros(charge.price_micros),
        micros(charge.net_micros),
        micros(charge.vat_micros),
    ]


def _tax_text(category: str, ppm: int) -> str:
    return f"{percent(ppm).rstrip('0').rstrip('.')} %" if category == "S" else category


def _grouped(amount_cents: int) -> str:
    """1,234.56."""
    whole, _, rest = cents(abs(amount_cents)).partition(".")
    return f"{'-' if amount_cents < 0 else ''}{int(whole):,}.{rest}"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("?", unicodedata.normalize("NFC", text))
