"""What is taken back from a provider: of its earnings, then of what is payable to it, and the rest from the market's
reserve, as a debt that its later earnings pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import insert

from billing import ledger
from billing.tables import provider_debt
from billing.terms import Totals
from billing.transfers import MARKET, Entry, Transfer, account, nonzero


@dataclass(frozen=True, slots=True)
class Reversal:
    """Capture of a contract that goes back into an account of its buyer. `kind` and `key` are the transfer's."""

    kind: str
    key: str
    figures: Totals
    into: str


def hold_parties(connection: Connection, row: Row[Any]) -> dict[str, int]:
    """Balances of every account of the two parties that a reversal may touch, locked in one go: before `reverse`."""
    accounts = [account(row.buyer_id, kind) for kind in ("cash", "escrow")]
    accounts += [account(row.provider_id, kind) for kind in ("bond", "cash", "earned", "payable")]
    return ledger.hold(connection, set(accounts))


def reverse(
    connection: Connection, row: Row[Any], held: Mapping[str, int], reversal: Reversal, at_micros: int
) -> list[Transfer]:
    """The transfer that takes a capture back, in its original proportions; the debt is noted. Post it at once."""
    figures, contract = reversal.figures, row.contract_id
    earned, payable = account(row.provider_id, "earned"), account(row.provider_id, "payable")
    from_earned = min(figures.provider_due, held[earned])
    from_payable = min(figures.provider_due - from_earned, held[payable])
    from_reserve = figures.provider_due - from_earned - from_payable
    entries = nonzero(
        Entry(account(row.buyer_id, reversal.into), figures.escrow_captured, contract),
        Entry(earned, -from_earned, contract),
        Entry(payable, -from_payable, contract),
        Entry(account(MARKET, "fees"), -figures.fee, contract),
        Entry(account(MARKET, "tax"), -figures.tax, contract),
        Entry(account(MARKET, "reserve"), -from_reserve, contract),
    )
    if from_reserve:
        _cover(connection, row.provider_id, from_reserve)
    return [Transfer(reversal.key, reversal.kind, at_micros, entries)] if entries else []


def recover(connection: Connection, at_micros: int) -> int:
    """earned -> reserve for every provider that owes and has earned again; the micro-units that came back."""
    debt = provider_debt.c
    owing = select(debt.provider_id).where(debt.covered_micros > debt.recovered_micros).order_by(debt.provider_id)
    providers = list(connection.execute(owing).scalars())
    held = ledger.hold(connection, [account(provider, "earned") for provider in providers])
    rows = connection.execute(select(provider_debt).where(debt.provider_id.in_(providers)))  # under the accounts' locks
    back, transfers = 0, []
    for row in rows.all():
        earned = account(row.provider_id, "earned")
        amount = min(row.covered_micros - row.recovered_micros, held[earned])
        if amount > 0:
            recovered = row.recovered_micros + amount
            owing_row = provider_debt.update().where(debt.provider_id == row.provider_id)
            connection.execute(owing_row.values(recovered_micros=recovered))
            moves = Entry(earned, -amount), Entry(account(MARKET, "reserve"), amount)
            transfers.append(Transfer(f"recover:{row.provider_id}:{recovered}", "recover", at_micros, moves))
            back += amount
    ledger.post(connection, transfers)
    return back


def _cover(connection: Connection, provider: str, micros: int) -> None:
    debt = provider_debt.c
    statement = insert(provider_debt).values(provider_id=provider, covered_micros=micros, recovered_micros=0)
    more = {"covered_micros": debt.covered_micros + micros}
    connection.execute(statement.on_conflict_do_update(index_elements=[debt.provider_id], set_=more))
