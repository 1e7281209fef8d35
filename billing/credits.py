"""Credits after the close: minutes that were billed and should not have been go back to the buyer.

The amount is that of the contract's credited minutes now less that of those credited before, so that a contract of
which everything is credited has paid exactly nothing. The billed days stay as they were frozen, and
credit notes correct their documents.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from billing import ledger
from billing.contracts import bargain_of, lock
from billing.debts import Reversal, hold_parties, reverse
from billing.documents.corrections import note_credits
from billing.tables import billable_contract, billed_day, billing_credit, billing_period
from billing.terms import totals
from common.errors import Conflict, InvalidInput
from common.ids import derived_id

_BUST = "bust"
_BUST_REASON = "the trade was cancelled"


@dataclass(frozen=True, slots=True)
class Credit:
    """Minutes of a billed day that were taken back, and what they come to."""

    id: str
    contract_id: str
    key: str
    day: date
    item: str
    minutes: int
    gross_micros: int
    fee_micros: int
    buyer_vat_micros: int
    provider_net_micros: int
    provider_vat_micros: int
    reason: str
    at_micros: int


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """An operator takes back so many minutes of a contract's day. `key` is its reference: once per contract."""

    contract_id: str
    day: date
    minutes: int
    key: str
    reason: str


def credit(connection: Connection, asked: CreditRequest, at_micros: int) -> Credit:
    """Take the minutes back: provider earned -> buyer cash, with fee and tax in proportion.

    Raises NotFound for an unknown contract, Conflict for a day whose month is not closed (`state_forbids`) or a key
    that was used for something else (`transfer_conflict`), and InvalidInput for more minutes than are billed.
    """
    row = lock(connection, asked.contract_id)
    known = _known(connection, asked)
    if known is not None:
        return known
    left = _billed_left(connection, asked.contract_id).get(asked.day, 0)
    if not 0 < asked.minutes <= left:
        raise InvalidInput("invalid_field", f"{left} billed minutes are left of that day", field="minutes", limit=left)
    made = _credit(row, asked, row.credited_minutes, at_micros)
    held = hold_parties(connection, row)
    bargain = bargain_of(row)
    due = totals(bargain, row.credited_minutes + asked.minutes) - totals(bargain, row.credited_minutes)
    ledger.post(
        connection, reverse(connection, row, held, Reversal("credit", f"credit:{made.id}", due, "cash"), at_micros)
    )
    connection.execute(
        billable_contract.update()
        .where(billable_contract.c.contract_id == asked.contract_id)
        .values(credited_minutes=row.credited_minutes + asked.minutes)
    )
    connection.execute(insert(billing_credit), [asdict(made)])
    note_credits(connection, {f"{made.day:%Y-%m}": [made.id]}, made.reason, at_micros)
    return made


def credit_all(connection: Connection, row: Row[Any], at_micros: int) -> int:
    """Note that everything that closed months have billed of this locked contract is taken back, by postings that are
    the caller's; how many minutes of it are credited then. Raises as `credit` does."""
    credited, made = row.credited_minutes, []
    for day, minutes in sorted(_billed_left(connection, row.contract_id).items()):
        asked = CreditRequest(row.contract_id, day, minutes, _BUST, _BUST_REASON)
        made.append(_credit(row, asked, credited, at_micros))
        credited += minutes
    if made:
        connection.execute(insert(billing_credit), [asdict(one) for one in made])
    by_month: dict[str, list[str]] = defaultdict(list)
    for one in made:
        by_month[f"{one.day:%Y-%m}"].append(one.id)
    note_credits(connection, by_month, _BUST_REASON, at_micros)
    return int(credited)


def _known(connection: Connection, asked: CreditRequest) -> Credit | None:
    columns = billing_credit.c
    query = select(billing_credit).where(columns.contract_id == asked.contract_id, columns.key == asked.key)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if (row.day, row.minutes) != (asked.day, asked.minutes):
        raise Conflict("transfer_conflict", "this key was used for another credit of the contract", field="key")
    return Credit(**row._mapping)


def _billed_left(connection: Connection, contract_id: str) -> dict[date, int]:
    """The days of the contract with the minutes that are billed and not credited."""
    day, credited = billed_day.c, billing_credit.c
    taken = (
        select(func.coalesce(func.sum(credited.minutes), 0))
        .where(credited.contract_id == day.contract_id, credited.day == day.day, credited.item == day.item)
        .scalar_subquery()
    )
    query = (
        select(day.day, (day.billed_minutes - taken).label("left"), billing_period.c.state)
        .join(billing_period, billing_period.c.month == day.month)
        .where(day.contract_id == contract_id, day.item == "usage")
    )
    rows = connection.execute(query).all()
    if any(row.state != "closed" for row in rows):
        raise Conflict("state_forbids", "a month of this contract is being closed; try again", field="contract")
    return {row.day: int(row.left) for row in rows if row.left}


def _credit(row: Row[Any], asked: CreditRequest, credited_before: int, at_micros: int) -> Credit:
    bargain = bargain_of(row)
    figures = totals(bargain, credited_before + asked.minutes) - totals(bargain, credited_before)
    made = derived_id("crd", at_micros // 1000, asked.contract_id, asked.key, asked.day.isoformat())
    return Credit(
        id=made,
        contract_id=asked.contract_id,
        key=asked.key,
        day=asked.day,
        item="usage",
        minutes=asked.minutes,
        gross_micros=figures.gross,
        fee_micros=figures.fee,
        buyer_vat_micros=figures.buyer_vat,
        provider_net_micros=figures.provider_net,
        provider_vat_micros=figures.provider_vat,
        reason=asked.reason,
        at_micros=at_micros,
    )
