"""What was delivered in months that are not closed yet, read for FOCUS in the form that documents will have.

A minute is here as soon as it is reported; the ledger has it once it is settled, seconds later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from billing import periods
from billing.daily import BilledDay, cut
from billing.documents.content import INVOICE, SELF_BILLED_INVOICE, Charge
from billing.documents.issue import parties
from billing.exports.focus.accounts import account_of
from billing.exports.focus.charges import CostRow, unbilled_rows
from billing.tables import billable_contract
from billing.transfers import MARKET
from common.minutes import month_window

_CONTRACTS = 1_000


def open_months(connection: Connection, month: str | None) -> list[str]:
    """The months that are not closed, or the one that is asked for, if it is not."""
    known = [period.month for period in periods.list_periods(connection) if period.state != periods.CLOSED]
    return [one for one in known if month in (None, one)]


def open_rows(connection: Connection, participant_id: str | None, month: str, currency: str) -> Iterator[CostRow]:
    """The rows of an open month, by contract."""
    after = ""
    while contracts := _contracts(connection, participant_id, month, after):
        after = contracts[-1].contract_id
        yield from _rows(connection, contracts, participant_id, month, currency)


def _contracts(connection: Connection, participant_id: str | None, month: str, after: str) -> Sequence[Row[Any]]:
    columns, window = billable_contract.c, month_window(month)
    query = select(billable_contract).where(
        columns.contract_id > after, columns.end_minute > window.start, columns.start_minute < window.end
    )
    if participant_id is not None:
        query = query.where(or_(columns.buyer_id == participant_id, columns.provider_id == participant_id))
    return connection.execute(query.order_by(columns.contract_id).limit(_CONTRACTS)).all()


def _rows(
    connection: Connection, contracts: Sequence[Row[Any]], participant_id: str | None, month: str, currency: str
) -> Iterator[CostRow]:
    by_id = {row.contract_id: row for row in contracts}
    known = parties(connection, {MARKET, *(row.buyer_id for row in contracts), *(row.provider_id for row in contracts)})
    for day in cut(connection, contracts, month_window(month)):
        if not day.billed_minutes:
            continue
        contract = by_id[day.contract_id]
        for kind, other, charge in _charges(contract, day):
            if participant_id in (None, other):
                account = account_of(kind, known[MARKET], known[other], month, currency, "")
                yield from unbilled_rows(account, [charge])


def _charges(contract: Row[Any], day: BilledDay) -> Iterator[tuple[str, str, Charge]]:
    figures = day.figures
    bought = contract.buyer_vat_category, contract.buyer_vat_ppm, 0, figures.gross, figures.buyer_vat
    sold = (
        contract.provider_vat_category,
        contract.provider_vat_ppm,
        figures.fee,
        figures.provider_net,
        figures.provider_vat,
    )
    sides = ((INVOICE, contract.buyer_id, bought), (SELF_BILLED_INVOICE, contract.provider_id, sold))
    for kind, other, (category, ppm, fee, net, vat) in sides:
        yield (
            kind,
            other,
            Charge(
                instrument=contract.instrument,
                price_micros=contract.price_micros,
                vat_category=category,
                vat_ppm=ppm,
                contract_id=day.contract_id,
                day=day.day.isoformat(),
                billed_minutes=day.billed_minutes,
                slice_minutes=day.billed_minutes * contract.slices,
                item=day.item,
                kind=contract.kind,
                gross_micros=figures.gross,
                fee_micros=fee,
                net_micros=net,
                vat_micros=vat,
            ),
        )
