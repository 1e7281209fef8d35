"""Issuing a month's documents: drafted from its frozen days, then finalised with numbers that have no gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from billing.arrays import among
from billing.documents.charges import charges_of_month
from billing.documents.composition import compose, rounding_micros
from billing.documents.content import INVOICE, TYPE_CODES, Content, Party
from billing.documents.numbering import draw, number_text
from billing.identities import LegalIdentity, latest
from billing.tables import document
from billing.transfers import MARKET
from common.codec import to_json
from common.ids import derived_id
from common.minutes import MICROS_PER_MINUTE, minute_start
from common.states import state_table
from runtime import deployment

DRAFT = "draft"
FINALISED = "finalised"
DOCUMENT_STATES = state_table("document", "draft -> finalised")


def document_id(kind: str, month: str, participant_id: str, at_micros: int) -> str:
    """The id of the document of this kind that a participant gets for a month closed at `at_micros`."""
    return derived_id("doc", at_micros // 1000, kind, month, participant_id)


def ids_of_month(connection: Connection, month: str) -> list[str]:
    """The ids of a month's documents, by number."""
    query = select(document.c.id).where(document.c.month == month).order_by(document.c.number, document.c.id)
    return list(connection.execute(query).scalars())


def parties(connection: Connection, participants: Iterable[str]) -> dict[str, Party]:
    """These participants, or the market, as a document of today would name them."""
    identities = latest(connection, wanted := set(participants))
    return {one: _party(one, identities.get(one)) for one in wanted}


def draft(connection: Connection, month: str, at_micros: int) -> list[str]:
    """Write a draft for everybody who bought or sold in the month; their ids."""
    charges = charges_of_month(connection, month)
    if not charges:
        return []
    currency = deployment.read(connection).currency
    identities = latest(connection, {participant for _, participant in charges} | {MARKET})
    rows: list[dict[str, Any]] = []
    for (kind, participant), charged in sorted(charges.items()):
        market, other = _party(MARKET, identities.get(MARKET)), _party(participant, identities.get(participant))
        seller, buyer = (market, other) if kind == INVOICE else (other, market)
        head = {
            "id": document_id(kind, month, participant, at_micros),
            "kind": kind,
            "type_code": TYPE_CODES[kind],
            "issuer": MARKET,
            "year": _year(at_micros),
            "month": month,
            "participant_id": participant,
            "identity_version": identities[participant].version if participant in identities else None,
            "state": DRAFT,
            "currency": currency,
        }
        rows.append(head | _amounts(compose(seller, buyer, charged)))
    connection.execute(insert(document), rows)
    return [row["id"] for row in rows]


def finalise(connection: Connection, document_ids: Sequence[str], at_micros: int) -> None:
    """Number these drafts, in the order of kind and participant, and make them final. Raises Conflict unless drafts."""
    columns = document.c
    query = select(columns.id, columns.issuer, columns.kind, columns.state).where(among(columns.id, document_ids))
    rows = connection.execute(query.order_by(columns.issuer, columns.kind, columns.participant_id).with_for_update())
    year = _year(at_micros)
    changes: list[dict[str, Any]] = []
    for (issuer, kind), group in groupby(rows.all(), key=lambda row: (row.issuer, row.kind)):
        drafts = list(group)
        first = draw(connection, issuer, kind, year, len(drafts))
        for sequence, row in enumerate(drafts, start=first):
            DOCUMENT_STATES.check(row.state, FINALISED)
            changes.append({"key": row.id, "drawn": sequence, "text": number_text(kind, year, sequence)})
    if changes:
        statement = document.update().where(columns.id == bindparam("key"))
        statement = statement.values(
            state=FINALISED,
            year=year,
            sequence=bindparam("drawn"),
            number=bindparam("text"),
            issued_at_micros=at_micros,
        )
        connection.execute(statement, changes)


def _amounts(content: Content) -> dict[str, Any]:
    return {
        "net_cents": content.net_cents,
        "vat_cents": content.vat_cents,
        "total_cents": content.net_cents + content.vat_cents,
        "rounding_micros": rounding_micros(content),
        "content": to_json(content),
    }


def _party(participant: str, identity: LegalIdentity | None) -> Party:
    if identity is None:
        return Party(participant)
    form = identity.form
    return Party(
        participant, form.company, form.street, form.postcode, form.city, form.country, form.tax_number, form.iban
    )


def _year(at_micros: int) -> int:
    return minute_start(at_micros // MICROS_PER_MINUTE).year
