"""Frozen days of a month, and what was credited of them, as the charges of each document that they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select, union

from billing.documents.content import CREDIT_NOTE, INVOICE, SELF_BILLED_CREDIT_NOTE, SELF_BILLED_INVOICE, Charge
from billing.tables import billable_contract, billed_day, billing_credit
from runtime.arrays import among

Charges = dict[tuple[str, str], list[Charge]]
"""(kind of document, participant) -> its charges. The buyer is charged gross, the provider is paid net of the fee."""

_OF_CONTRACT = (
    billable_contract.c.instrument,
    billable_contract.c.kind,
    billable_contract.c.price_micros,
    billable_contract.c.slices,
    billable_contract.c.buyer_id,
    billable_contract.c.buyer_vat_category,
    billable_contract.c.buyer_vat_ppm,
    billable_contract.c.provider_id,
    billable_contract.c.provider_vat_category,
    billable_contract.c.provider_vat_ppm,
)


def participants_of_month(connection: Connection, month: str, after: str, limit: int) -> list[str]:
    """The next `limit` participants with ids above `after` who bought or sold in the month, in order."""
    columns = billable_contract.c
    billed = _days(month)
    parties = union(
        *(
            billed.with_only_columns(party.label("participant")).where(party > after)
            for party in (columns.buyer_id, columns.provider_id)
        )
    ).subquery()
    query = select(parties.c.participant).order_by(parties.c.participant).limit(limit)
    return list(connection.execute(query).scalars())


def charges_of_month(connection: Connection, month: str, participants: Sequence[str]) -> Charges:
    """What the month's documents of these participants charge; days on which no minute was billed make no charge."""
    columns = billable_contract.c
    theirs = or_(among(columns.buyer_id, participants), among(columns.provider_id, participants))
    rows = connection.execute(_days(month).where(theirs))
    charges = _charges(rows, INVOICE, SELF_BILLED_INVOICE)
    return {key: charged for key, charged in charges.items() if key[1] in set(participants)}


def charges_of_credits(connection: Connection, credit_ids: Sequence[str]) -> Charges:
    """What the credit notes for these credits take off."""
    query = (
        select(billing_credit, billing_credit.c.minutes.label("billed_minutes"), *_OF_CONTRACT)
        .join(billable_contract, billable_contract.c.contract_id == billing_credit.c.contract_id)
        .where(among(billing_credit.c.id, credit_ids))
    )
    return _charges(connection.execute(query), CREDIT_NOTE, SELF_BILLED_CREDIT_NOTE)


def _days(month: str) -> Select[Any]:
    return (
        select(billed_day, *_OF_CONTRACT)
        .join(billable_contract, billable_contract.c.contract_id == billed_day.c.contract_id)
        .where(billed_day.c.month == month, billed_day.c.billed_minutes > 0)
    )


def _charges(rows: Iterable[Row[Any]], of_buyers: str, of_providers: str) -> Charges:
    charges: Charges = defaultdict(list)
    for row in rows:
        charges[of_buyers, row.buyer_id].append(_of_buyer(row))
        charges[of_providers, row.provider_id].append(_of_provider(row))
    return charges


def _of_buyer(row: Row[Any]) -> Charge:
    return Charge(
        instrument=row.instrument,
        price_micros=row.price_micros,
        vat_category=row.buyer_vat_category,
        vat_ppm=row.buyer_vat_ppm,
        contract_id=row.contract_id,
        day=row.day.isoformat(),
        billed_minutes=row.billed_minutes,
        slice_minutes=row.billed_minutes * row.slices,
        gross_micros=row.gross_micros,
        fee_micros=0,
        net_micros=row.gross_micros,
        vat_micros=row.buyer_vat_micros,
        item=row.item,
        kind=row.kind,
    )


def _of_provider(row: Row[Any]) -> Charge:
    return Charge(
        instrument=row.instrument,
        price_micros=row.price_micros,
        vat_category=row.provider_vat_category,
        vat_ppm=row.provider_vat_ppm,
        contract_id=row.contract_id,
        day=row.day.isoformat(),
        billed_minutes=row.billed_minutes,
        slice_minutes=row.billed_minutes * row.slices,
        gross_micros=row.gross_micros,
        fee_micros=row.fee_micros,
        net_micros=row.provider_net_micros,
        vat_micros=row.provider_vat_micros,
        item=row.item,
        kind=row.kind,
    )
