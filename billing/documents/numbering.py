"""Document numbers without gaps: drawn from a counter row in the transaction that finalises, and lost with it."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from billing.documents.content import CREDIT_NOTE, INVOICE, SELF_BILLED_CREDIT_NOTE, SELF_BILLED_INVOICE
from billing.tables import document_counter

PREFIXES = {INVOICE: "INV", SELF_BILLED_INVOICE: "SBI", CREDIT_NOTE: "CN", SELF_BILLED_CREDIT_NOTE: "SCN"}


def draw(connection: Connection, issuer: str, kind: str, year: int, count: int) -> int:
    """The first of `count` numbers of this issuer, kind and year. Others wait for theirs until the transaction ends."""
    counter = document_counter.c
    statement = insert(document_counter).values(issuer=issuer, kind=kind, year=year, next_number=1 + count)
    moved = statement.on_conflict_do_update(
        index_elements=[counter.issuer, counter.kind, counter.year], set_={"next_number": counter.next_number + count}
    )
    return int(connection.execute(moved.returning(counter.next_number)).scalar_one()) - count


def number_text(kind: str, year: int, sequence: int) -> str:
    """As it is printed: INV-2026-000001."""
    return f"{PREFIXES[kind]}-{year}-{sequence:06d}"
