"""A document as JSON, the same bytes every time: money and quantities as decimal text, keys in a fixed order."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from billing.documents.archive import Document
from billing.documents.content import Charge, Line, Reference, Tax
from billing.documents.printing import cents, issued_at, micros, percent


def render_json(document: Document) -> bytes:
    """UTF-8, indented by two, with a newline at the end."""
    return (json.dumps(_document(document), indent=2, ensure_ascii=False) + "\n").encode()


def _document(document: Document) -> dict[str, Any]:
    content = document.content
    return {
        "id": document.id,
        "number": document.number,
        "kind": document.kind,
        "type_code": document.type_code,
        "state": document.state,
        "issued_at": issued_at(document.issued_at_micros),
        "period": document.month,
        "currency": document.currency,
        "seller": asdict(content.seller),
        "buyer": asdict(content.buyer),
        "lines": [_line(line) for line in content.lines],
        "taxes": [_tax(tax) for tax in content.taxes],
        "net": cents(document.net_cents),
        "vat": cents(document.vat_cents),
        "total": cents(document.total_cents),
        "rounding": micros(document.rounding_micros),
        "corrects": _reference(content.corrects) if content.corrects else None,
        "appendix": [_charge(charge) for charge in content.appendix],
    }


def _reference(corrected: Reference) -> dict[str, Any]:
    return {
        "document": corrected.document_id,
        "number": corrected.number,
        "issued_at": issued_at(corrected.issued_at_micros),
        "reason": corrected.reason,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "line": line.number,
        "item": line.item,
        "instrument": line.instrument,
        "name": line.name,
        "unit": "slice-minute",
        "quantity": line.slice_minutes,
        "unit_price": micros(line.price_micros),
        "gross": micros(line.gross_micros),
        "fee": micros(line.fee_micros),
        "net_unrounded": micros(line.net_micros),
        "net": cents(line.net_cents),
        "vat_category": line.vat_category,
        "vat_percent": percent(line.vat_ppm),
    }


def _tax(tax: Tax) -> dict[str, Any]:
    return {
        "category": tax.vat_category,
        "percent": percent(tax.vat_ppm),
        "base": cents(tax.base_cents),
        "amount": cents(tax.vat_cents),
        "exemption": tax.exemption,
    }


def _charge(charge: Charge) -> dict[str, Any]:
    return {
        "contract": charge.contract_id,
        "day": charge.day,
        "item": charge.item,
        "instrument": charge.instrument,
        "unit_price": micros(charge.price_micros),
        "minutes": charge.billed_minutes,
        "quantity": charge.slice_minutes,
        "gross": micros(charge.gross_micros),
        "fee": micros(charge.fee_micros),
        "net": micros(charge.net_micros),
        "vat": micros(charge.vat_micros),
        "vat_category": charge.vat_category,
        "vat_percent": percent(charge.vat_ppm),
    }
