"""Billing periods: a UTC calendar month is open, closing, then closed, with its figures frozen and its documents out.

A close goes in steps, each in a transaction of its own where months are large: the month stops taking minutes, its
contracts are settled and frozen chunk by chunk, then its documents are issued, participant by participant. How far it
has come is kept in the period's row, so a close that was stopped is resumed by whoever takes the next step. Each step
locks its contracts, as metering does before it counts a minute: no minute slips in behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from billing import ledger
from billing.daily import cut, freeze
from billing.debts import recover
from billing.documents.charges import Charges, charges_of_month, participants_of_month
from billing.documents.content import SELF_BILLED_INVOICE
from billing.documents.issue import document_id, ids_of_month, issue
from billing.settlement import advance, settlement_transfers
from billing.tables import billable_contract, billing_period, usage_dispute
from billing.transfers import Entry, Transfer, account
from common.errors import NotFound, Refused
from common.minutes import Window, minute_text, month_of, month_window
from common.states import state_table

OPEN = "open"
CLOSING = "closing"
CLOSED = "closed"
PERIOD_STATES = state_table(
    "billing period",
    """
    open    -> closing
    closing -> closed
    """,
)


@dataclass(frozen=True, slots=True)
class Period:
    """A month, "YYYY-MM", its state, and how far its close has come: contracts frozen, participants documented."""

    month: str
    state: str
    contracts: int = 0
    participants: int = 0


def list_periods(connection: Connection) -> list[Period]:
    """Every month from that of the first contract's first minute to that of the last contract's last, in order."""
    columns = billable_contract.c
    earliest = func.least(func.min(columns.start_minute), func.min(columns.released_minute))
    first, end = connection.execute(select(earliest, func.max(columns.end_minute))).one()
    known = {row.month: _period(row) for row in connection.execute(select(billing_period))}
    months = set(known) if first is None else set(known) | set(_months(month_of(first), month_of(end - 1)))
    return [known.get(month, Period(month, OPEN)) for month in sorted(months)]


def due(connection: Connection, now_minute: int, grace_minutes: int) -> list[str]:
    """The months that can be closed now, in the order in which they must be; up to the first with an open dispute."""
    last_over = _before(month_of(now_minute - grace_minutes))
    first_open = _first_open(connection, last_over)
    months = _months(first_open, last_over) if first_open else []
    return list(takewhile(lambda month: not _is_disputed(connection, month_window(month)), months))


def close(connection: Connection, month: str, now_minute: int, at_micros: int, grace_minutes: int) -> list[str]:
    """All steps of a close in the caller's transaction. The ids of the month's documents, also when it was closed
    before. Raises as `begin` does."""
    begin(connection, month, now_minute, at_micros, grace_minutes)
    while step(connection, month).state != CLOSED:
        pass
    return ids_of_month(connection, month)


def begin(connection: Connection, month: str, now_minute: int, at_micros: int, grace_minutes: int) -> Period:
    """The first step: from now on the month takes no more minutes. What its documents call the time of issue is
    `at_micros`. Changes nothing on a month whose close has begun.

    Raises Refused: `period_not_over` until the grace time after the month's end is over, or while a month before it is
    still to be closed, `disputes_open` while minutes of it are disputed; NotFound for a month in which nothing was
    sold, and InvalidInput for no month.
    """
    window = month_window(month)
    if now_minute < window.end + grace_minutes:
        earliest = minute_text(window.end + grace_minutes)
        raise Refused("period_not_over", f"period {month} can be closed from {earliest} on", limit=earliest)
    connection.execute(insert(billing_period).values(month=month, state=OPEN).on_conflict_do_nothing())
    row = _lock(connection, month)
    if row.state != OPEN:
        return _period(row)
    first_open = _first_open(connection, month)
    if first_open is None:
        raise NotFound("not_found", f"nothing was sold by the end of period {month}", field="period")
    if first_open < month:
        raise Refused("period_not_over", f"period {first_open} has to be closed first", limit=first_open)
    _refuse_disputed(connection, month)
    _change(connection, row, state=CLOSING, closing_at_micros=at_micros)
    return _period(_lock(connection, month))


def step(connection: Connection, month: str, limit: int = 1000) -> Period:
    """The next step of a close that has begun, over up to `limit` contracts or participants; how far it has come.
    Changes nothing on a month that is closed. Raises Refused (`disputes_open`)."""
    row = _lock(connection, month)
    if row.state == CLOSING:
        contracts = _lock_contracts(connection, row, limit)
        if contracts:
            _freeze(connection, row, contracts)
        elif participants := participants_of_month(connection, month, row.documented_through, limit):
            _document(connection, row, participants)
        else:
            _change(connection, row, state=CLOSED, closed_at_micros=row.closing_at_micros)
    return _period(_lock(connection, month))


def _freeze(connection: Connection, period: Row[Any], contracts: Sequence[Row[Any]]) -> None:
    """Settle these contracts, and freeze their figures of the month."""
    _refuse_disputed(connection, period.month)
    days = cut(connection, contracts, month_window(period.month))
    ledger.post(connection, settlement_transfers(contracts, period.closing_at_micros))
    advance(connection, contracts)
    freeze(connection, period.month, days)
    through, done = contracts[-1].contract_id, period.contracts_frozen + len(contracts)
    _change(connection, period, frozen_through=through, contracts_frozen=done)


def _document(connection: Connection, period: Row[Any], participants: Sequence[str]) -> None:
    """Make payable what these have earned, and issue their documents."""
    month, at_micros = period.month, period.closing_at_micros
    charges = charges_of_month(connection, month, participants)
    recover(connection, at_micros)
    _make_payable(connection, month, charges, at_micros)
    issue(connection, month, charges, at_micros)
    done = period.participants_documented + len(participants)
    _change(connection, period, documented_through=participants[-1], participants_documented=done)


def _lock(connection: Connection, month: str) -> Row[Any]:
    query = select(billing_period).where(billing_period.c.month == month).with_for_update()
    return connection.execute(query).one()


def _period(row: Row[Any]) -> Period:
    return Period(row.month, row.state, row.contracts_frozen, row.participants_documented)


def _refuse_disputed(connection: Connection, month: str) -> None:
    if _is_disputed(connection, month_window(month)):
        raise Refused("disputes_open", f"minutes of period {month} are disputed", field="period")


def _is_disputed(connection: Connection, month: Window) -> bool:
    dispute = usage_dispute.c
    touches = and_(dispute.end_minute > month.start, dispute.start_minute < month.end)
    waiting = exists().where(dispute.state == "open", touches)
    return bool(connection.execute(select(waiting)).scalar_one())


def _first_open(connection: Connection, until: str) -> str | None:
    """The first month that is not closed, of those up to `until` that follow the first contract's start."""
    closed = select(func.max(billing_period.c.month)).where(billing_period.c.state == CLOSED)
    latest = connection.execute(closed).scalar_one()
    if latest is not None:
        first = _after(latest)
    else:
        columns = billable_contract.c
        earliest = func.least(func.min(columns.start_minute), func.min(columns.released_minute))
        start = connection.execute(select(earliest)).scalar_one()
        if start is None:
            return None
        first = month_of(start)
    return first if first <= until else None


def _lock_contracts(connection: Connection, period: Row[Any], limit: int) -> Sequence[Row[Any]]:
    columns = billable_contract.c
    query = select(billable_contract).where(_of_month(month_window(period.month)))
    query = query.where(columns.contract_id > period.frozen_through).order_by(columns.contract_id).limit(limit)
    return connection.execute(query.with_for_update(key_share=True)).all()


def _of_month(month: Window) -> ColumnElement[bool]:
    columns = billable_contract.c
    lived = and_(columns.end_minute > month.start, columns.start_minute < month.end)
    return or_(lived, columns.released_minute.between(month.start, month.end - 1))


def _make_payable(connection: Connection, month: str, charges: Charges, at_micros: int) -> None:
    """earned -> payable, one transfer per provider, for the document that says so; as far as it was not taken back."""
    earned = {
        provider: sum(charge.net_micros + charge.vat_micros for charge in charged)
        for (kind, provider), charged in charges.items()
        if kind == SELF_BILLED_INVOICE
    }
    held = ledger.hold(connection, [account(provider, "earned") for provider in earned])
    transfers = []
    for provider, billed in sorted(earned.items()):
        if amount := min(billed, held[account(provider, "earned")]):
            document = document_id(SELF_BILLED_INVOICE, month, provider, at_micros)
            entries = (
                Entry(account(provider, "earned"), -amount, document),
                Entry(account(provider, "payable"), amount, document),
            )
            transfers.append(Transfer(f"payable:{month}:{provider}", "payable", at_micros, entries))
    ledger.post(connection, transfers)


def _change(connection: Connection, period: Row[Any], **changes: Any) -> None:
    if "state" in changes:
        PERIOD_STATES.check(period.state, changes["state"])
    connection.execute(billing_period.update().where(billing_period.c.month == period.month).values(changes))


def _months(first: str, last: str) -> list[str]:
    months = []
    month = first
    while month <= last:
        months.append(month)
        month = _after(month)
    return months


def _after(month: str) -> str:
    return month_of(month_window(month).end)


def _before(month: str) -> str:
    return month_of(month_window(month).start - 1)
