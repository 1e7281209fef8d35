"""The frozen days of a month, as the charges of each document that they belong to."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.documents.content import INVOICE, SELF_BILLED_INVOICE, Charge
from billing.tables import billable_contract, billed_day


def charges_of_month(connection: Connection, month: str) -> dict[tuple[str, str], list[Charge]]:
    """(kind of document, participant) -> its charges. The buyer is charged gross, the provider is paid net of the fee;
    days on which no minute was billed make no charge."""
    contract = billable_contract.c
    query = (
        select(
            billed_day,
            contract.instrument,
            contract.price_micros,
            contract.slices,
            contract.buyer_id,
            contract.buyer_vat_category,
            contract.buyer_vat_ppm,
            contract.provider_id,
            contract.provider_vat_category,
            contract.provider_vat_ppm,
        )
        .join(billable_contract, contract.contract_id == billed_day.c.contract_id)
        .where(billed_day.c.month == month, billed_day.c.billed_minutes > 0)
    )
    charges: dict[tuple[str, str], list[Charge]] = defaultdict(list)
    for row in connection.execute(query):
        charges[INVOICE, row.buyer_id].append(_of_buyer(row))
        charges[SELF_BILLED_INVOICE, row.provider_id].append(_of_provider(row))
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
    )
