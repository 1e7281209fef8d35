"""Finalised documents, as they are found again."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Select, select

from billing.documents.content import Content
from billing.documents.issue import DRAFT
from billing.tables import document
from common.codec import from_json
from common.errors import NotFound


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """What a list tells of a document."""

    id: str
    kind: str
    number: str
    state: str
    month: str
    participant_id: str
    currency: str
    net_cents: int
    vat_cents: int
    total_cents: int


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


def list_documents(
    connection: Connection, participant_id: str | None, after: str, limit: int, month: str | None = None
) -> list[DocumentHead]:
    """Up to `limit` of the participant's documents, or of everybody's, with ids above `after`, oldest first; of one
    month where it is named."""
    columns = [document.c[field.name] for field in fields(DocumentHead)]
    query = _final(select(*columns), participant_id).where(document.c.id > after).order_by(document.c.id).limit(limit)
    if month is not None:
        query = query.where(document.c.month == month)
    return [DocumentHead(*row) for row in connection.execute(query)]


def get_document(connection: Connection, participant_id: str | None, document_id: str) -> Document:
    """One of the participant's documents, or of anybody's. Raises NotFound, also for somebody else's."""
    query = _final(select(document), participant_id).where(document.c.id == document_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("not_found", f"you have no document {document_id}")
    columns = {field.name: getattr(row, field.name) for field in fields(Document)}
    return Document(**columns | {"content": from_json(Content, row.content)})


def _final(query: Select[Any], participant_id: str | None) -> Select[Any]:
    query = query.where(document.c.state != DRAFT)
    return query if participant_id is None else query.where(document.c.participant_id == participant_id)
