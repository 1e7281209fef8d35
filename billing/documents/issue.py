"""Issuing documents: drafted from frozen days, then finalised with numbers that have no gaps, and paid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from billing.documents.composition import compose, rounding_micros
from billing.documents.content import (
    BUYERS_KINDS,
    INVOICE,
    SELF_BILLED_INVOICE,
    TYPE_CODES,
    Charge,
    Content,
    Party,
    Reference,
)
from billing.documents.numbering import draw, number_text, series
from billing.identities import LegalIdentity, latest
from billing.tables import document
from billing.transfers import MARKET
from common.codec import to_json
from common.ids import derived_id
from common.minutes import MICROS_PER_MINUTE, minute_start
from common.states import state_table
from runtime import deployment
from runtime.arrays import among

DRAFT = "draft"
FINALISED = "finalised"
PAID = "paid"
VOID = "void"
DOCUMENT_STATES = state_table(
    "document",
    """
    draft     -> finalised
    finalised -> paid void
    paid      -> void
    """,
)


def document_id(kind: str, month: str, participant_id: str, at_micros: int, *more: str) -> str:
    """The id of the document of this kind that a participant gets for a month closed at `at_micros`; of later ones,
    `more` says what they are for."""
    return derived_id("doc", at_micros // 1000, kind, month, participant_id, *more)


def ids_of_month(connection: Connection, month: str) -> list[str]:
    """The ids of a month's documents, by number."""
    query = select(document.c.id).where(document.c.month == month).order_by(document.c.number, document.c.id)
    return list(connection.execute(query).scalars())


def parties(connection: Connection, participants: Iterable[str]) -> dict[str, Party]:
    """These participants, or the market, as a document of today would name them."""
    identities = latest(connection, wanted := set(participants))
    return {one: _party(one, identities.get(one)) for one in wanted}


def issue(
    connection: Connection,
    month: str,
    charges: Mapping[tuple[str, str], Sequence[Charge]],
    at_micros: int,
    replaces: str | None = None,
) -> list[str]:
    """Draft and finalise a document for each (kind, participant), in the place of the void one that it `replaces`;
    their ids. Buyers have paid already, from escrow."""
    ids = draft(connection, month, charges, at_micros, replaces=replaces)
    finalise(connection, ids, at_micros)
    prepaid = select(document.c.id).where(among(document.c.id, ids), document.c.kind == INVOICE)
    move(connection, list(connection.execute(prepaid).scalars()), PAID)
    return ids


def draft(
    connection: Connection,
    month: str,
    charges: Mapping[tuple[str, str], Sequence[Charge]],
    at_micros: int,
    corrects: Mapping[str, Reference] | None = None,
    replaces: str | None = None,
) -> list[str]:
    """Write a draft for each (kind, participant); their ids. A credit note needs to know what it `corrects`, by
    participant. Ids follow from what a document is for, so what it corrects or `replaces` is part of them."""
    if not charges:
        return []
    currency = deployment.read(connection).currency
    identities = latest(connection, {participant for _, participant in charges} | {MARKET})
    rows: list[dict[str, Any]] = []
    for (kind, participant), charged in sorted(charges.items()):
        market, other = _party(MARKET, identities.get(MARKET)), _party(participant, identities.get(participant))
        seller, buyer = (market, other) if kind in BUYERS_KINDS else (other, market)
        corrected = corrects[participant] if corrects else None
        purpose = corrected.key if corrected else replaces
        head = {
            "id": document_id(kind, month, participant, at_micros, *([purpose] if purpose else [])),
            "kind": kind,
            "type_code": TYPE_CODES[kind],
            "issuer": MARKET,
            "state": DRAFT,
            "year": _year(at_micros),
            "month": month,
            "participant_id": participant,
            "identity_version": identities[participant].version if participant in identities else None,
            "currency": currency,
        }
        rows.append(head | _amounts(compose(seller, buyer, charged, corrected)))
    connection.execute(insert(document), rows)
    return [row["id"] for row in rows]


def finalise(connection: Connection, document_ids: Sequence[str], at_micros: int) -> None:
    """Number these drafts, in the order of kind and participant, and make them final. Raises Conflict unless drafts."""
    columns = document.c
    query = select(columns.id, columns.issuer, columns.kind, columns.state).where(among(columns.id, document_ids))
    rows = connection.execute(query.order_by(columns.issuer, columns.kind, columns.participant_id).with_for_update())
    year, ending = _year(at_micros), series(connection)
    changes: list[dict[str, Any]] = []
    for (issuer, kind), group in groupby(rows.all(), key=lambda row: (row.issuer, row.kind)):
        drafts = list(group)
        first = draw(connection, issuer, kind, year, len(drafts))
        for sequence, row in enumerate(drafts, start=first):
            DOCUMENT_STATES.check(row.state, FINALISED)
            changes.append({"key": row.id, "drawn": sequence, "text": number_text(kind, year, sequence, ending)})
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


def pay_self_billed(connection: Connection, participants: Sequence[str]) -> None:
    """What was payable to these participants has been paid out, and with it all of their self-billed invoices."""
    columns = document.c
    theirs = among(columns.participant_id, participants)
    open_ = select(columns.id).where(theirs, columns.kind == SELF_BILLED_INVOICE, columns.state == FINALISED)
    move(connection, list(connection.execute(open_).scalars()), PAID)


def move(connection: Connection, document_ids: Sequence[str], state: str) -> None:
    """Take documents to another state of their table. Raises Conflict (`state_forbids`)."""
    columns = document.c
    rows = connection.execute(select(columns.state).where(among(columns.id, document_ids)).with_for_update())
    for old in rows.scalars():
        DOCUMENT_STATES.check(old, state)
    connection.execute(document.update().where(among(columns.id, document_ids)).values(state=state))


def _amounts(content: Content) -> dict[str, Any]:
    return {
        "corrects": content.corrects.document_id if content.corrects else None,
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
