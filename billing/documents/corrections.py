"""Corrections of finalised documents, which never change: credit notes (381 to buyers, 261 for providers), and
documents issued anew.

A credit note's amounts are positive, and are taken off. Its lines are those of what was credited, or of the whole
document that it voids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.documents.charges import Charges, charges_of_credits
from billing.documents.content import CORRECTED_BY, Content, Reference
from billing.documents.issue import DRAFT, VOID, draft, finalise, issue, move
from billing.tables import document
from common.codec import from_json
from common.errors import Conflict, NotFound


def note_credits(
    connection: Connection, credits_: Mapping[str, Sequence[str]], reason: str, at_micros: int
) -> list[str]:
    """Finalise the credit notes for these credits: month -> ids. For each month one to the buyer and one for the
    provider; their ids. Raises Conflict (`state_forbids`) while the documents that they correct are not out."""
    ids = []
    for month, credit_ids in sorted(credits_.items()):
        charges = charges_of_credits(connection, credit_ids)
        corrects = {
            participant: _reference(_standing(connection, month, participant, kind), credit_ids[0], reason)
            for kind, participant in charges
        }
        ids += _finalised(connection, month, charges, corrects, at_micros)
    return ids


def reissue(connection: Connection, document_id: str, reason: str, at_micros: int) -> str:
    """Void a document by a credit note of all of it, and issue it anew, with the parties as they are known now; the new
    one's id. No money moves. Raises NotFound, and Conflict (`state_forbids`) for a draft, or what is void already."""
    query = select(document).where(document.c.id == document_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.state == DRAFT or row.kind not in CORRECTED_BY:
        raise NotFound("not_found", f"there is no invoice {document_id}", field="document")
    move(connection, [document_id], VOID)
    charges = list(from_json(Content, row.content).appendix)
    participant = row.participant_id
    corrects = {participant: _reference(row, f"void:{document_id}", reason)}
    _finalised(connection, row.month, {(CORRECTED_BY[row.kind], participant): charges}, corrects, at_micros)
    [made] = issue(connection, row.month, {(row.kind, participant): charges}, at_micros, replaces=document_id)
    return made


def _finalised(
    connection: Connection,
    month: str,
    charges: Charges,
    corrects: dict[str, Reference],
    at_micros: int,
) -> list[str]:
    ids = draft(connection, month, charges, at_micros, corrects)
    finalise(connection, ids, at_micros)
    return ids


def _standing(connection: Connection, month: str, participant: str, correction: str) -> Row[Any]:
    """The participant's document for the month that such a correction corrects, as it stands now."""
    columns = document.c
    [kind] = [kind for kind, corrected_by in CORRECTED_BY.items() if corrected_by == correction]
    query = select(document).where(
        columns.month == month, columns.participant_id == participant, columns.kind == kind, columns.state != VOID
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.state == DRAFT:
        raise Conflict("state_forbids", f"the documents of period {month} are not out yet", field="period")
    return row


def _reference(row: Row[Any], key: str, reason: str) -> Reference:
    return Reference(row.id, row.number, row.issued_at_micros, reason, key)
