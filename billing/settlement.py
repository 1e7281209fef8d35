"""Settlement: minutes that were delivered since the last time become postings, one transfer per batch of contracts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from billing import ledger
from billing.contracts import bargain_of
from billing.tables import billable_contract
from billing.terms import Bargain, Terms, Totals, bond_of, totals
from billing.transfers import MARKET, Entry, Transfer, account, nonzero
from common.minutes import SECONDS_PER_MINUTE
from runtime.arrays import number_array, text_array
from runtime.driver import Pipe

# Word for word the predicate of the partial index.
_UNSETTLED = text("delivered_seconds >= (billed_minutes + 1) * 60::bigint")
_READ = (
    "contract_id", "buyer_id", "provider_id", "slices", "price_micros", "start_minute", "end_minute", "bond_micros",
    "delivered_seconds", "billed_minutes", "bond_minutes", "released_minutes", "unsettlings",
    *Terms.__dataclass_fields__,
)  # fmt: skip
_DUE = (
    select(*(billable_contract.c[name] for name in _READ))
    .where(_UNSETTLED)
    .order_by(billable_contract.c.contract_id)
    .limit(bindparam("most"))
    .with_for_update(key_share=True, skip_locked=True)
)
_ADVANCE = text("""
    UPDATE billable_contract SET billed_minutes = now.minutes, bond_minutes = greatest(bond_minutes, now.minutes)
    FROM unnest(CAST(:ids AS text[]), CAST(:minutes AS integer[])) AS now (id, minutes)
    WHERE contract_id = now.id
""")


@dataclass(frozen=True, slots=True)
class Settled:
    """How many contracts were settled, and how many minutes in all."""

    contracts: int
    minutes: int


def settle(connection: Connection, at_micros: int, limit: int = 1000) -> Settled:
    """Settle up to `limit` contracts; those that somebody else is working on are left to a later turn.

    `minutes` of the result is zero when there is nothing left to do.
    """
    pipe = Pipe(connection)  # its rows are plain named tuples: to read a field costs a tenth of what SQLAlchemy's take
    due = pipe.put(_DUE, {"most": limit})
    pipe.send()
    ledger.post(connection, settlement_transfers(due.rows, at_micros))
    return Settled(len(due.rows), advance(connection, due.rows))


def settlement_transfers(rows: Iterable[Row[Any]], at_micros: int) -> list[Transfer]:
    """What is to be posted for these locked rows of `billable_contract`: at most one transfer, none if nothing is due.

    Escrow pays gross and the buyer's VAT. The provider earns gross less the fee, with its own VAT; the market keeps the
    fee and owes the difference of the two taxes, output less input, which may be negative.
    """
    entries: list[Entry] = []
    content = []
    fees = tax = 0
    for row in rows:
        billed = billed_now(row)
        if billed == row.billed_minutes:
            continue
        bargain = bargain_of(row)
        released = row.released_minutes
        due = totals(bargain, billed, released) - totals(bargain, row.billed_minutes, released)
        fees += due.fee
        tax += due.tax
        content.append(f"{row.contract_id}:{billed}:{row.unsettlings}")
        entries += capture_entries(row, due) + _bond_entries(row, bargain, billed)
    if not entries:
        return []
    entries += nonzero(Entry(account(MARKET, "fees"), fees), Entry(account(MARKET, "tax"), tax))
    key = hashlib.sha256(",".join(content).encode()).hexdigest()
    return [Transfer(f"settle:{key}", "settle", at_micros, tuple(entries))]


def capture_entries(row: Row[Any], due: Totals) -> tuple[Entry, ...]:
    """What buyer and provider see of a capture; the market's part is its fee and the tax."""
    return nonzero(
        Entry(account(row.buyer_id, "escrow"), -due.escrow_captured, row.contract_id),
        Entry(account(row.provider_id, "earned"), due.provider_due, row.contract_id),
    )


def advance(connection: Connection, rows: Iterable[Row[Any]]) -> int:
    """Note that these locked rows are settled; the minutes by which they went on."""
    ids, minutes, advanced = [], [], 0
    for row in rows:
        more = billed_now(row) - row.billed_minutes
        if more > 0:
            ids.append(row.contract_id)
            minutes.append(row.billed_minutes + more)
            advanced += more
    if ids:
        connection.execute(_ADVANCE, {"ids": text_array(ids), "minutes": number_array(minutes)})
    return advanced


def billed_now(row: Row[Any]) -> int:
    """The minutes to be billed for what has been delivered so far."""
    return int(row.delivered_seconds) // SECONDS_PER_MINUTE


def _bond_entries(row: Row[Any], bargain: Bargain, billed: int) -> tuple[Entry, ...]:
    """Bond that has gone back never returns, even where minutes are found not to count."""
    back = bond_of(bargain, max(billed, row.bond_minutes)) - bond_of(bargain, row.bond_minutes)
    return nonzero(
        Entry(account(row.provider_id, "bond"), -back, row.contract_id),
        Entry(account(row.provider_id, "cash"), back, row.contract_id),
    )
