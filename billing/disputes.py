"""Disputes: minutes that a buyer doubts do not count until an operator decides, and records that conflict are decided.

The running total falls, and settlement's rule does the rest: the money of minutes that no longer count goes back into
escrow, and out of it again by settlement, or to the buyer. Bond that has gone back stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, insert, select, text

from billing import ledger
from billing.contracts import BUSTED, CLOSED, bargain_of, lock
from billing.debts import Reversal, hold_parties, reverse
from billing.settlement import advance, billed_now, settlement_transfers
from billing.tables import billable_contract, billing_period, usage_dispute, usage_disputed_minute, usage_minute
from billing.terms import totals
from billing.transfers import Entry, Transfer, account
from common.errors import Conflict, NotFound
from common.ids import derived_id
from common.minutes import SECONDS_PER_MINUTE, Window, month_of
from common.states import state_table

OPEN = "open"
UPHELD = "upheld"
REJECTED = "rejected"
DISPUTE_STATES = state_table("dispute", "open -> upheld rejected")

_COUNT = text("""
    UPDATE usage_minute SET seconds = disputed.counted_seconds
    FROM usage_disputed_minute AS disputed
    WHERE disputed.dispute_id = :dispute AND usage_minute.contract_id = disputed.contract_id
        AND usage_minute.minute = disputed.minute
""")


@dataclass(frozen=True, slots=True)
class Dispute:
    """Minutes of a contract, from `start_minute` up to, not including, `end_minute`."""

    id: str
    contract_id: str
    start_minute: int
    end_minute: int
    opened_by: str
    reason: str
    minutes: int
    state: str
    note: str | None
    at_micros: int
    decided_at_micros: int | None


def dispute(connection: Connection, contract_id: str, window: Window, reason: str, at_micros: int) -> Dispute:
    """The buyer doubts the minutes of this window that are reported: they stop counting, and their money goes back into
    escrow until it is decided.

    Raises NotFound, and Conflict (`state_forbids`) where a month of the window is closed or being closed, or nothing of
    it is reported that was not disputed before.
    """
    row = _lock(connection, contract_id)
    _refuse_closed(connection, window)
    disputed = select(usage_disputed_minute.c.minute).where(
        usage_disputed_minute.c.contract_id == contract_id, usage_disputed_minute.c.minute == usage_minute.c.minute
    )
    minutes = connection.execute(
        select(usage_minute.c.minute, usage_minute.c.seconds).where(
            usage_minute.c.contract_id == contract_id,
            usage_minute.c.minute.between(window.start, window.end - 1),
            ~disputed.exists(),
        )
    ).all()
    if not minutes:
        raise Conflict("state_forbids", "no minute of this window is reported and undisputed", field="start")
    made = _open(connection, contract_id, window, "buyer", reason, len(minutes), at_micros)
    _note(connection, made, [(each.minute, each.seconds, 0) for each in minutes])
    _recount(connection, row, made, -sum(each.seconds for each in minutes), at_micros)
    return made


def decide(connection: Connection, dispute_id: str, decision: str, note: str, at_micros: int) -> Dispute:
    """An operator decides: `rejected`, and the minutes count as they were reported; `upheld`, and they never do, which
    frees their money for the buyer. Raises NotFound, and Conflict (`state_forbids`) once it is decided."""
    known = get(connection, dispute_id)
    row = _lock(connection, known.contract_id)
    known = get(connection, dispute_id)  # under the contract's lock
    DISPUTE_STATES.check(known.state, decision)
    changes = {"state": decision, "note": note, "decided_at_micros": at_micros}
    connection.execute(usage_dispute.update().where(usage_dispute.c.id == dispute_id).values(changes))
    back = 0
    if decision == REJECTED:
        minutes = usage_disputed_minute.c
        restored = usage_disputed_minute.update().where(minutes.dispute_id == dispute_id)
        counted = connection.execute(
            restored.values(counted_seconds=minutes.reported_seconds).returning(minutes.counted_seconds)
        )
        back = sum(counted.scalars())
    _recount(connection, row, known, back, at_micros)
    _settle_decided(connection, row.contract_id, at_micros)
    return get(connection, dispute_id)


def decide_minute(
    connection: Connection, contract_id: str, minute: int, seconds: int, note: str, at_micros: int
) -> Dispute:
    """An operator decides what counts of a minute whose records conflict, instead of the first that arrived. Raises
    NotFound for a minute without a record, and Conflict (`state_forbids`) in a closed month or a second time."""
    if not 0 <= seconds <= SECONDS_PER_MINUTE:
        raise AssertionError(f"{seconds} seconds in a minute")
    row = _lock(connection, contract_id)
    window = Window(minute, minute + 1)
    _refuse_closed(connection, window)
    stored = select(usage_minute.c.seconds).where(
        usage_minute.c.contract_id == contract_id, usage_minute.c.minute == minute
    )
    reported = connection.execute(stored).scalar_one_or_none()
    if reported is None:
        raise NotFound("not_found", "this minute of the contract has no record", field="minute")
    if _is_disputed(connection, contract_id, minute):
        raise Conflict("state_forbids", "this minute is disputed or decided already", field="minute")
    made = _open(connection, contract_id, window, "operator", "its records conflict", 1, at_micros)
    changes = {"state": UPHELD, "note": note, "decided_at_micros": at_micros}
    connection.execute(usage_dispute.update().where(usage_dispute.c.id == made.id).values(changes))
    _note(connection, made, [(minute, reported, seconds)])
    _recount(connection, row, made, seconds - reported, at_micros)
    _settle_decided(connection, contract_id, at_micros)
    return get(connection, made.id)


def get(connection: Connection, dispute_id: str) -> Dispute:
    """Raises NotFound."""
    row = connection.execute(select(usage_dispute).where(usage_dispute.c.id == dispute_id)).one_or_none()
    if row is None:
        raise NotFound("not_found", f"there is no dispute {dispute_id}", field="dispute")
    return Dispute(**row._mapping)


def disputes(
    connection: Connection, after: str, limit: int, *, contract: str | None = None, state: str | None = None
) -> list[Dispute]:
    """Up to `limit` disputes with ids above `after`, oldest first: of a contract, in a state, or all."""
    columns = usage_dispute.c
    query = select(usage_dispute).where(columns.id > after).order_by(columns.id).limit(limit)
    if contract is not None:
        query = query.where(columns.contract_id == contract)
    if state is not None:
        query = query.where(columns.state == state)
    return [Dispute(**row._mapping) for row in connection.execute(query)]


def _lock(connection: Connection, contract_id: str) -> Row[Any]:
    row = lock(connection, contract_id)
    if row.ending == BUSTED:
        raise Conflict("state_forbids", f"contract {contract_id} is busted: nothing of it is billed", field="contract")
    return row


def _refuse_closed(connection: Connection, window: Window) -> None:
    months = month_of(window.start), month_of(window.end - 1)
    period = billing_period.c
    late = select(period.month).where(period.month.between(*months), period.state != "open").limit(1)
    if (month := connection.execute(late).scalar_one_or_none()) is not None:
        raise Conflict("state_forbids", f"period {month} is closed, or being closed", field="start")


def _open(
    connection: Connection, contract_id: str, window: Window, opened_by: str, reason: str, minutes: int, at_micros: int
) -> Dispute:
    made = derived_id("dsp", at_micros // 1000, contract_id, window.start, window.end, at_micros)
    opened = Dispute(
        made, contract_id, window.start, window.end, opened_by, reason, minutes, OPEN, None, at_micros, None
    )
    columns = {name: getattr(opened, name) for name in Dispute.__dataclass_fields__}
    connection.execute(insert(usage_dispute).values(columns))
    return opened


def _note(connection: Connection, made: Dispute, minutes: list[tuple[int, int, int]]) -> None:
    """(minute, its reported seconds, those that count) for each."""
    rows = [
        {
            "contract_id": made.contract_id,
            "minute": minute,
            "dispute_id": made.id,
            "reported_seconds": reported,
            "counted_seconds": counted,
        }
        for minute, reported, counted in minutes
    ]
    connection.execute(insert(usage_disputed_minute), rows)


def _is_disputed(connection: Connection, contract_id: str, minute: int) -> bool:
    columns = usage_disputed_minute.c
    known = exists().where(and_(columns.contract_id == contract_id, columns.minute == minute))
    return bool(connection.execute(select(known)).scalar_one())


def _recount(connection: Connection, row: Row[Any], made: Dispute, seconds: int, at_micros: int) -> None:
    """Let the disputed minutes count as they are noted; `seconds` more or less than before. Money of settled minutes
    that count no longer goes back into escrow."""
    connection.execute(_COUNT, {"dispute": made.id})
    delivered = row.delivered_seconds + seconds
    if delivered // SECONDS_PER_MINUTE > row.kept_minutes:
        raise Conflict("state_forbids", "the contract is complete; no more of it can be billed", field="seconds")
    billed = min(row.billed_minutes, delivered // SECONDS_PER_MINUTE)
    changes = {"delivered_seconds": delivered, "billed_minutes": billed}
    if billed < row.billed_minutes:
        bargain, released = bargain_of(row), row.released_minutes
        figures = totals(bargain, row.billed_minutes, released) - totals(bargain, billed, released)
        changes["unsettlings"] = row.unsettlings + 1
        reversal = Reversal("unsettle", f"unsettle:{row.contract_id}:{changes['unsettlings']}", figures, "escrow")
        ledger.post(connection, reverse(connection, row, hold_parties(connection, row), reversal, at_micros))
    contract = billable_contract.update().where(billable_contract.c.contract_id == row.contract_id)
    connection.execute(contract.values(changes))


def _settle_decided(connection: Connection, contract_id: str, at_micros: int) -> None:
    """What counts again is settled at once. A contract that is closed keeps escrow for open disputes only; completion
    sees to one that is not."""
    row = lock(connection, contract_id)
    ledger.post(connection, settlement_transfers([row], at_micros))
    advance(connection, [row])
    waiting = exists().where(usage_dispute.c.contract_id == contract_id, usage_dispute.c.state == OPEN)
    if row.state != CLOSED or connection.execute(select(waiting)).scalar_one():
        return
    bargain, kept, released = bargain_of(row), billed_now(row), row.released_minutes
    freed = (totals(bargain, row.kept_minutes, released) - totals(bargain, kept, released)).escrow_captured
    if freed:
        moves = (
            Entry(account(row.buyer_id, "escrow"), -freed, contract_id),
            Entry(account(row.buyer_id, "cash"), freed, contract_id),
        )
        ledger.post(connection, [Transfer(f"free:{contract_id}:{row.unsettlings}", "free", at_micros, moves)])
        contract = billable_contract.update().where(billable_contract.c.contract_id == contract_id)
        connection.execute(contract.values(kept_minutes=kept))
