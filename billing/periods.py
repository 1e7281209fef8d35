"""Billing periods: a UTC calendar month is open, closing, then closed, with its figures frozen and its documents out.

The close locks the month's contracts, as metering does before it counts a minute: no minute slips in behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from billing import ledger
from billing.daily import BilledDay, cut, freeze
from billing.debts import recover
from billing.documents.issue import document_id, draft, finalise, ids_of_month
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
    """A month, "YYYY-MM", and its state."""

    month: str
    state: str


def list_periods(connection: Connection) -> list[Period]:
    """Every month from that of the first contract's first minute to that of the last contract's last, in order."""
    columns = billable_contract.c
    earliest = func.least(func.min(columns.start_minute), func.min(columns.released_minute))
    first, end = connection.execute(select(earliest, func.max(columns.end_minute))).one()
    rows = connection.execute(select(billing_period.c.month, billing_period.c.state))
    states = {row.month: row.state for row in rows}
    months = set(states) if first is None else set(states) | set(_months(month_of(first), month_of(end - 1)))
    return [Period(month, states.get(month, OPEN)) for month in sorted(months)]


def due(connection: Connection, now_minute: int, grace_minutes: int) -> list[str]:
    """The months that can be closed now, in the order in which they must be; up to the first with an open dispute."""
    last_over = _before(month_of(now_minute - grace_minutes))
    first_open = _first_open(connection, last_over)
    months = _months(first_open, last_over) if first_open else []
    return list(takewhile(lambda month: not _is_disputed(connection, month_window(month)), months))


def close(connection: Connection, month: str, now_minute: int, at_micros: int, grace_minutes: int) -> list[str]:
    """Settle what the month still owes, freeze its figures, make what was earned payable, and finalise its documents.

    The ids of the month's documents, also when it was closed before. Raises Refused: `period_not_over` until the grace
    time after the month's end is over, or while a month before it is still to be closed, `disputes_open` while minutes
    of it are disputed; InvalidInput for no month.
    """
    window = month_window(month)
    if now_minute < window.end + grace_minutes:
        earliest = minute_text(window.end + grace_minutes)
        raise Refused("period_not_over", f"period {month} can be closed from {earliest} on", limit=earliest)
    if not _begin(connection, month):
        return ids_of_month(connection, month)
    contracts = _lock_contracts(connection, window)
    if _is_disputed(connection, window):
        raise Refused("disputes_open", f"minutes of period {month} are disputed", field="period")
    days = cut(connection, contracts, window)
    ledger.post(connection, settlement_transfers(contracts, at_micros))
    advance(connection, contracts)
    recover(connection, at_micros)
    _make_payable(connection, month, days, at_micros)
    freeze(connection, month, days)
    finalise(connection, draft(connection, month, at_micros), at_micros)
    _move(connection, month, CLOSING, CLOSED, closed_at_micros=at_micros)
    return ids_of_month(connection, month)


def _begin(connection: Connection, month: str) -> bool:
    """Hold the period's row, in `closing`; False if it is closed already."""
    connection.execute(insert(billing_period).values(month=month, state=OPEN).on_conflict_do_nothing())
    query = select(billing_period.c.state).where(billing_period.c.month == month).with_for_update()
    state = connection.execute(query).scalar_one()
    if state == CLOSED:
        return False
    first_open = _first_open(connection, month)
    if first_open is None:
        raise NotFound("not_found", f"nothing was sold by the end of period {month}", field="period")
    if first_open < month:
        raise Refused("period_not_over", f"period {first_open} has to be closed first", limit=first_open)
    if state == OPEN:
        _move(connection, month, OPEN, CLOSING)
    return True


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


def _lock_contracts(connection: Connection, month: Window) -> Sequence[Row[Any]]:
    columns = billable_contract.c
    lived = and_(columns.end_minute > month.start, columns.start_minute < month.end)
    released = columns.released_minute.between(month.start, month.end - 1)
    query = select(billable_contract).where(or_(lived, released))
    return connection.execute(query.order_by(columns.contract_id).with_for_update(key_share=True)).all()


def _make_payable(connection: Connection, month: str, days: Sequence[BilledDay], at_micros: int) -> None:
    """earned -> payable, one transfer per provider, for the document that says so; as far as it was not taken back."""
    earned: dict[str, int] = defaultdict(int)
    for day in days:
        earned[day.provider_id] += day.figures.provider_due
    held = ledger.hold(connection, [account(provider, "earned") for provider in earned])
    transfers = []
    for provider, billed in sorted(earned.items()):
        if amount := min(billed, held[account(provider, "earned")]):
            document = document_id("self_billed_invoice", month, provider, at_micros)
            entries = (
                Entry(account(provider, "earned"), -amount, document),
                Entry(account(provider, "payable"), amount, document),
            )
            transfers.append(Transfer(f"payable:{month}:{provider}", "payable", at_micros, entries))
    ledger.post(connection, transfers)


def _move(connection: Connection, month: str, old: str, new: str, **changes: Any) -> None:
    PERIOD_STATES.check(old, new)
    row = billing_period.update().where(billing_period.c.month == month)
    connection.execute(row.values(state=new, **changes))


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
