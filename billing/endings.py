"""Contracts that end before their window does: released, reclaimed, failed or busted. Money follows at once.

Only minutes that are still to come are freed; elapsed ones that no report covers yet are left to settlement, and what
is then left of them to completion. Every amount is a function of the contract's running totals, so that escrow and bond
are exactly zero in the end, whatever the order in which reports arrive. The caller moves the market's side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from billing import ledger
from billing.contracts import BILLING_STATES, BUSTED, CLOSED, OPEN, bargain_of, lock_open
from billing.credits import credit_all
from billing.debts import Reversal, hold_parties, reverse
from billing.settlement import advance, billed_now, capture_entries, settlement_transfers
from billing.tables import billable_contract, usage_minute
from billing.terms import bond_of, break_fee, totals
from billing.transfers import MARKET, Entry, Transfer, account, nonzero
from common.errors import Conflict

RELEASED = "released"
RECLAIMED = "reclaimed"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cut:
    """An open contract that is cut at a minute: what is freed of its escrow and bond, for so many minutes less."""

    row: Row[Any]
    minute: int
    released_minutes: int
    escrow_micros: int
    bond_micros: int

    @property
    def rest_minutes(self) -> int:
        """How much of the window is left."""
        return int(self.row.end_minute - self.minute)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The minute a contract ended at, and what became of its money at once, in micro-units: the release fee with VAT
    that was captured, escrow back to the buyer, and what the buyer got of the bond."""

    minute: int
    fee_micros: int
    refund_micros: int
    compensation_micros: int


def release(
    connection: Connection, contract_id: str, now_minute: int, at_micros: int, *, free: bool = False
) -> Outcome:
    """The buyer ends it early, also before its start: the release fee is captured for the rest of the window, unless it
    is `free` because the provider is late, and the rest of escrow and bond is free at once.

    Raises NotFound, and Conflict (`state_forbids`) for a contract that has ended, or of which nothing is left.
    """
    cut = cut_at(connection, contract_id, now_minute, fee=not free)
    row, bargain = cut.row, bargain_of(cut.row)
    fee = totals(bargain, row.billed_minutes, cut.released_minutes) - totals(bargain, row.billed_minutes)
    captured = capture_entries(row, fee) + nonzero(
        Entry(account(MARKET, "fees"), fee.fee, contract_id), Entry(account(MARKET, "tax"), fee.tax, contract_id)
    )
    transfers = [Transfer(f"release:{contract_id}", "release", at_micros, captured)] if captured else []
    ledger.post(connection, transfers + _freed(cut, "free", _to_parties(cut, {}, 0), at_micros))
    _end(connection, cut, RELEASED, released_minutes=cut.released_minutes, released_minute=now_minute)
    return Outcome(cut.minute, fee.escrow_captured, cut.escrow_micros, 0)


def reclaim(
    connection: Connection,
    contract_id: str,
    from_minute: int,
    at_micros: int,
    *,
    holders: Sequence[tuple[str, int]] = (),
) -> Outcome:
    """The provider takes it back from this minute on, the end of its notice: the break fee goes from the bond to the
    buyer, the rest of escrow and bond back to their owners. Raises as `release` does.

    `holders` have bought the rest of it from each other, from a minute on: the fee of its minutes is each one's.
    """
    cut = cut_at(connection, contract_id, from_minute)
    fees = _break_fees(cut, holders)
    owed = sum(fees.values())
    ledger.post(connection, _freed(cut, "reclaim", _to_parties(cut, fees, 0), at_micros))
    _end(connection, cut, RECLAIMED, compensation_micros=owed)
    return Outcome(cut.minute, 0, cut.escrow_micros, owed)


def fail(
    connection: Connection,
    contract_id: str,
    minute: int,
    replacement_micros: int,
    at_micros: int,
    *,
    holders: Sequence[tuple[str, int]] = (),
) -> Outcome:
    """The provider did not deliver from this minute on: escrow goes back, and the bond of the rest pays the buyer's
    extra cost of replacement, which the caller has capped by the market's prices; what is left of it goes to the
    reserve. Raises as `release` does.

    `holders` have bought the rest of it from each other: the cost of each is paid before the buyer's, in this order.
    """
    cut = cut_at(connection, contract_id, minute)
    costs: Counter[str] = Counter()
    for holder, cost in (*holders, (cut.row.buyer_id, replacement_micros)):
        costs[holder] += min(cost, cut.bond_micros - costs.total())
    paid = costs.total()
    ledger.post(connection, _freed(cut, "fail", _to_parties(cut, costs, cut.bond_micros - paid), at_micros))
    _end(connection, cut, FAILED, compensation_micros=paid)
    return Outcome(cut.minute, 0, cut.escrow_micros, paid)


def bust(connection: Connection, contract_id: str, at_micros: int) -> None:
    """The operator cancels the trade: all that is held goes back to its owners, and all that was captured is taken back
    in its original proportions. Closed at once. What closed months have billed is credited. Raises as `release` does,
    and Conflict while a month of it is being closed."""
    row = lock_open(connection, contract_id)
    _refuse_ended(row)
    held = hold_parties(connection, row)
    settled = settlement_transfers([row], at_micros)
    for entry in (entry for transfer in settled for entry in transfer.entries if entry.account in held):
        held[entry.account] += entry.amount_micros
    bargain, billed = bargain_of(row), billed_now(row)
    captured = totals(bargain, billed)
    cut = Cut(
        row=row,
        minute=row.end_minute,
        released_minutes=0,
        escrow_micros=row.escrow_micros - captured.escrow_captured,
        bond_micros=row.bond_micros - bond_of(bargain, max(billed, row.bond_minutes)),
    )
    freed = _freed(cut, "free", _to_parties(cut, {}, 0), at_micros)
    reversal = Reversal("bust", f"bust:{contract_id}", captured - totals(bargain, row.credited_minutes), "cash")
    ledger.post(connection, settled + freed + reverse(connection, row, held, reversal, at_micros))
    advance(connection, [row])
    credited = credit_all(connection, row, at_micros)
    BILLING_STATES.check(OPEN, CLOSED)
    ended = row.end_minute if row.ended_minute is None else row.ended_minute
    changes = {"ending": BUSTED, "ended_minute": ended, "credited_minutes": credited, "kept_minutes": billed}
    _write(connection, contract_id, state=CLOSED, closed_at_micros=at_micros, **changes)


def cut_at(connection: Connection, contract_id: str, minute: int, *, fee: bool = False) -> Cut:
    """What is freed of it from this minute on, with its row locked; with `fee`, less the fee of a release. Minutes that
    were reported before stay, so the cut is behind the last of them. Raises as `release` does."""
    row = lock_open(connection, contract_id)
    _refuse_ended(row)
    last = select(func.max(usage_minute.c.minute)).where(usage_minute.c.contract_id == contract_id)
    reported = connection.execute(last).scalar_one()
    wanted = min(minute, row.end_minute if row.ended_minute is None else row.ended_minute)
    at = max(wanted, row.start_minute, row.start_minute if reported is None else reported + 1)
    if at >= row.end_minute:
        raise Conflict("state_forbids", f"nothing is left of contract {contract_id}", field="state")
    bargain, kept = bargain_of(row), at - row.start_minute
    released = row.end_minute - at if fee and row.release_ppm else 0
    escrow = row.escrow_micros - totals(bargain, kept, released).escrow_captured
    return Cut(row, at, released, escrow, row.bond_micros - bond_of(bargain, kept))


def _refuse_ended(row: Row[Any]) -> None:
    if row.ending is not None:
        raise Conflict("state_forbids", f"contract {row.contract_id} is {row.ending} already", field="state")


def _break_fees(cut: Cut, holders: Sequence[tuple[str, int]]) -> Counter[str]:
    """What each one gets for its minutes; together, what the whole rest makes."""
    row = cut.row
    parts = [(row.buyer_id, cut.minute), *((holder, max(first, cut.minute)) for holder, first in holders)]
    owed = [
        break_fee(row.limit_price_micros, row.slices * (row.end_minute - first), row.break_ppm, cut.bond_micros)
        for _, first in parts
    ]
    fees: Counter[str] = Counter()
    for (holder, _), fee, behind in zip(parts, owed, (*owed[1:], 0), strict=True):
        fees[holder] += fee - behind
    return fees


def _to_parties(cut: Cut, compensated: Mapping[str, int], to_reserve: int) -> tuple[Entry, ...]:
    """The freed escrow to the buyer; of the freed bond so much to those who are compensated, and to the reserve, the
    rest to its owner, who is none of them."""
    row, contract = cut.row, cut.row.contract_id
    to_buyer = compensated.get(row.buyer_id, 0)
    others = {holder: micros for holder, micros in compensated.items() if holder != row.buyer_id}
    return nonzero(
        Entry(account(row.buyer_id, "escrow"), -cut.escrow_micros, contract),
        Entry(account(row.buyer_id, "cash"), cut.escrow_micros + to_buyer, contract),
        Entry(account(row.provider_id, "bond"), -cut.bond_micros, contract),
        Entry(account(row.provider_id, "cash"), cut.bond_micros - sum(compensated.values()) - to_reserve, contract),
        *(Entry(account(holder, "cash"), micros, contract) for holder, micros in others.items()),
        Entry(account(MARKET, "reserve"), to_reserve, contract),
    )


def _freed(cut: Cut, kind: str, entries: tuple[Entry, ...], at_micros: int) -> list[Transfer]:
    return [Transfer(f"{kind}:{cut.row.contract_id}", kind, at_micros, entries)] if entries else []


def _end(connection: Connection, cut: Cut, ending: str, **changes: int) -> None:
    kept = cut.minute - cut.row.start_minute
    _write(connection, cut.row.contract_id, ending=ending, ended_minute=cut.minute, kept_minutes=kept, **changes)


def _write(connection: Connection, contract_id: str, **changes: Any) -> None:
    connection.execute(
        billable_contract.update().where(billable_contract.c.contract_id == contract_id).values(**changes)
    )
