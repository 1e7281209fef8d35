"""Finalised documents, as they are found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.documents.content import Content
from billing.documents.issue import DRAFT
from billing.tables import document
from common.codec import from_json
from common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a participant. `rounding_micros` is what the ledger moved less `total_cents`."""

    id: str
    kind: str
    type_code: int
    number: str
    state: str
    month: str
    issuer: str
    participant_id: str
    identity_version: int | None
    currency: str
    net_cents: int
    vat_cents: int
    total_cents: int
    rounding_micros: int
    issued_at_micros: int
    content: Content


def list_documents(connection: Connection, participant_id: str, after: str, limit: int) -> list[Document]:
    """Up to `limit` of the participant's documents with ids above `after`, oldest first."""
    query = _finalised(participant_id).where(document.c.id > after).order_by(document.c.id).limit(limit)
    return [_document(row) for row in connection.execute(query)]


def get_document(connection: Connection, participant_id: str, document_id: str) -> Document:
    """One of the participant's documents. Raises NotFound, also for somebody else's."""
    row = connection.execute(_finalised(participant_id).where(document.c.id == document_id)).one_or_none()
    if row is None:
        raise NotFound("not_found", f"you have no document {document_id}")
    return _document(row)


def any_document(connection: Connection, document_id: str) -> Document:
    """A final document, whosoever it is. Raises NotFound."""
    query = select(document).where(document.c.id == document_id, document.c.state != DRAFT)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("not_found", f"there is no document {document_id}")
    return _document(row)


def _finalised(participant_id: str) -> Any:
    return select(document).where(document.c.participant_id == participant_id, document.c.state != DRAFT)


def _document(row: Row[Any]) -> Document:
    columns = {name: getattr(row, name) for name in Document.__dataclass_fields__}
    return Document(**columns | {"content": from_json(Content, row.content)})
