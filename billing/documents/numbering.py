"""Document numbers without gaps: drawn from a counter row in the transaction that finalises, and lost with it."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from billing.documents.content import CREDIT_NOTE, INVOICE, SELF_BILLED_CREDIT_NOTE, SELF_BILLED_INVOICE
from billing.tables import document_counter
from runtime import deployment

PREFIXES = {INVOICE: "INV", SELF_BILLED_INVOICE: "SBI", CREDIT_NOTE: "CN", SELF_BILLED_CREDIT_NOTE: "SCN"}

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def draw(connection: Connection, issuer: str, kind: str, year: int, count: int) -> int:
    """The first of `count` numbers of this issuer, kind and year. Others wait for theirs until the transaction ends."""
    counter = document_counter.c
    statement = insert(document_counter).values(issuer=issuer, kind=kind, year=year, next_number=1 + count)
    moved = statement.on_conflict_do_update(
        index_elements=[counter.issuer, counter.kind, counter.year], set_={"next_number": counter.next_number + count}
    )
    return int(connection.execute(moved.returning(counter.next_number)).scalar_one()) - count


def series(connection: Connection) -> str:
    """What every number ends with that a database draws once it was set back; nothing where it never was.

    The papers of the time that was given up are out in the world, and the counters know nothing of them: without it
    their numbers would be drawn again.
    """
    generation, digits = deployment.generation(connection), ""
    while generation:
        generation, digit = divmod(generation, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"-{digits}" if digits else ""


def number_text(kind: str, year: int, sequence: int, ending: str) -> str:
    """As it is printed: INV-2026-000001, or INV-2026-000001-1N7Q0ZK3M in the series of a restored database."""
    return f"{PREFIXES[kind]}-{year}-{sequence:06d}{ending}"
