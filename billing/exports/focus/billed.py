"""Finalised documents, read for FOCUS: the heads one after another, the charges of each as they are needed.

An appendix may have more rows than fit in memory; PostgreSQL takes it apart, and hands it out in batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from billing.documents.content import BUYERS_KINDS, Charge, Line, Party, Reference, Tax
from billing.documents.issue import DRAFT
from billing.exports.focus.accounts import account_of
from billing.exports.focus.charges import Account, CostRow, billed_rows
from billing.exports.snapshot import streamed
from common.codec import from_json

_HEADS = text("""
    SELECT id, kind, number, month, currency, issued_at_micros, content - 'appendix' AS head
    FROM document
    WHERE state <> :draft AND participant_id = coalesce(CAST(:participant AS text), participant_id)
        AND month = coalesce(CAST(:month AS text), month)
    ORDER BY month, number
""")
_CHARGES = text("""
    SELECT charge FROM document, jsonb_array_elements(content -> 'appendix') AS charge WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class Head:
    """A document without its appendix."""

    id: str
    month: str
    issued_at_micros: int
    account: Account
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    corrects: Reference | None


def heads(connection: Connection, participant_id: str | None, month: str | None) -> Iterator[Head]:
    """The documents of a participant, or of everybody; of a month, or of all; by month and number."""
    parameters = {"draft": DRAFT, "participant": participant_id, "month": month}
    for row in streamed(connection, _HEADS, parameters):
        yield _head(row)


def document_rows(connection: Connection, head: Head) -> Iterator[CostRow]:
    """The rows of Cost and Usage of one document."""
    charges = (Charge(**row.charge) for row in streamed(connection, _CHARGES, {"id": head.id}))
    return billed_rows(head.account, head.lines, head.taxes, charges)


def _head(row: Row[Any]) -> Head:
    seller, buyer = (from_json(Party, row.head[role]) for role in ("seller", "buyer"))
    market, other = (seller, buyer) if row.kind in BUYERS_KINDS else (buyer, seller)
    corrects = row.head.get("corrects")
    return Head(
        id=row.id,
        month=row.month,
        issued_at_micros=row.issued_at_micros,
        account=account_of(row.kind, market, other, row.month, row.currency, row.number),
        lines=tuple(from_json(Line, line) for line in row.head["lines"]),
        taxes=tuple(from_json(Tax, tax) for tax in row.head["taxes"]),
        corrects=None if corrects is None else from_json(Reference, corrects),
    )
