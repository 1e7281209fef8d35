"""The end of a contract in the books: what was not delivered goes back, and its escrow and bond are exactly zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exists, func, or_, select

from billing import ledger
from billing.contracts import BILLING_STATES, CLOSED, FAILING, OPEN, bargain_of
from billing.settlement import advance, billed_now, settlement_transfers
from billing.tables import billable_contract, usage_dispute, usage_watermark
from billing.terms import bond_forfeited, bond_of, totals
from billing.transfers import MARKET, Entry, Transfer, account, nonzero
from runtime.arrays import among


@dataclass(frozen=True, slots=True)
class Completed:
    """A contract that billing has closed, and the minutes that it was billed for over its life."""

    contract_id: str
    billed_minutes: int


def complete(
    connection: Connection, now_minute: int, at_micros: int, grace_minutes: int, limit: int
) -> list[Completed]:
    """Close up to `limit` contracts whose last minute has passed and is accounted for, and of which no dispute is open.
    Each is settled to its end.

    Accounted for: a life of the agent's file that knows all of the window has reported everything up to its end,
    without a gap, or the grace period is over.

    One that was failed (`contracts.end_at`) waits for `endings.fail`, for the grace period behind its window at most.
    Of the rest, escrow goes back to the buyer, the bond of undelivered minutes beyond the allowance to the market's
    reserve, and what is left of the bond to the provider.
    """
    rows = _due(connection, now_minute, grace_minutes, limit)
    if not rows:
        return []
    transfers = settlement_transfers(rows, at_micros)
    transfers += [transfer for row in rows for transfer in _closing_transfers(row, at_micros)]
    ledger.post(connection, transfers)
    advance(connection, rows)
    BILLING_STATES.check(OPEN, CLOSED)
    columns = billable_contract.c
    connection.execute(
        billable_contract.update()
        .where(among(columns.contract_id, [row.contract_id for row in rows]))
        .values(state=CLOSED, closed_at_micros=at_micros, kept_minutes=columns.billed_minutes)
    )
    return [Completed(row.contract_id, billed_now(row)) for row in rows]


def _due(connection: Connection, now_minute: int, grace_minutes: int, limit: int) -> Sequence[Row[Any]]:
    columns = billable_contract.c
    end = func.coalesce(columns.ended_minute, columns.end_minute)
    mark = usage_watermark.c
    reported = exists().where(
        mark.node_id == columns.node_id, mark.since_minute <= columns.start_minute, mark.minute >= end - 1
    )
    query = (
        select(billable_contract)
        .where(
            columns.state == OPEN,
            end <= now_minute,
            ~exists().where(usage_dispute.c.contract_id == columns.contract_id, usage_dispute.c.state == "open"),
            or_(columns.end_minute <= now_minute - grace_minutes, ~FAILING),
            or_(end <= now_minute - grace_minutes, reported),
        )
        .order_by(columns.contract_id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True, of=billable_contract)
    )
    return connection.execute(query).all()


def _closing_transfers(row: Row[Any], at_micros: int) -> list[Transfer]:
    bargain, kept, billed = bargain_of(row), row.kept_minutes, billed_now(row)
    released = row.released_minutes
    escrow_left = (totals(bargain, kept, released) - totals(bargain, billed, released)).escrow_captured
    returned = max(billed, row.bond_minutes)
    forfeited = bond_forfeited(bargain, kept, billed, returned)
    bond_left = bond_of(bargain, kept) - bond_of(bargain, returned)
    contract = row.contract_id
    entries = nonzero(
        Entry(account(row.buyer_id, "escrow"), -escrow_left, contract),
        Entry(account(row.buyer_id, "cash"), escrow_left, contract),
        Entry(account(row.provider_id, "bond"), -bond_left, contract),
        Entry(account(row.provider_id, "cash"), bond_left - forfeited, contract),
        Entry(account(MARKET, "reserve"), forfeited, contract),
    )
    return [Transfer(f"complete:{contract}", "complete", at_micros, entries)] if entries else []
