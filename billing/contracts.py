"""Contracts as billing knows them: born with a trade, with the money behind them, and with terms that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, func, select

from billing.tables import billable_contract
from billing.terms import Bargain, Terms
from billing.transfers import Entry, Transfer, account, nonzero
from common import codec
from common.errors import Conflict, NotFound
from common.states import state_table
from runtime.bulk import put_rows
from runtime.driver import Pipe

OPEN = "open"
CLOSED = "closed"
BUSTED = "busted"
BILLING_STATES = state_table("billable contract", "open -> closed")
FAILING = (
    billable_contract.c.ending.is_(None)
    & billable_contract.c.ended_minute.is_not(None)
    & (billable_contract.c.ended_minute < billable_contract.c.end_minute)
)
"""Of an open contract: its guest has failed, and `billing.endings.fail` has not divided its money yet."""
_terms_of = attrgetter(*Terms.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class NewContract:
    """One traded guest. `escrow_micros` is what the trade takes from the buyer's cash, `bond_micros` the provider's."""

    contract_id: str
    instrument: str
    buyer_id: str
    provider_id: str
    node_id: str
    kind: str
    start_minute: int
    end_minute: int
    slices: int
    price_micros: int
    limit_price_micros: int
    terms: Terms
    escrow_micros: int
    bond_micros: int


def trade_transfers(contracts: Sequence[NewContract], at_micros: int) -> list[Transfer]:
    """One transfer per contract: buyer's cash -> escrow, provider's cash -> bond."""
    return [
        Transfer(
            f"trade:{contract.contract_id}",
            "trade",
            at_micros,
            nonzero(
                Entry(account(contract.buyer_id, "cash"), -contract.escrow_micros, contract.contract_id),
                Entry(account(contract.buyer_id, "escrow"), contract.escrow_micros, contract.contract_id),
                Entry(account(contract.provider_id, "cash"), -contract.bond_micros, contract.contract_id),
                Entry(account(contract.provider_id, "bond"), contract.bond_micros, contract.contract_id),
            ),
        )
        for contract in contracts
    ]


def put_contracts(pipe: Pipe, contracts: Sequence[NewContract]) -> None:
    """Write the rows, by way of a pipe. The caller posts `trade_transfers` in the same transaction."""
    put_rows(pipe, billable_contract, [_row(contract) for contract in contracts])


def hold(connection: Connection, contract_id: str) -> None:
    """Lock the contract's row until the transaction ends: for those who lock other rows after it."""
    held = select(billable_contract.c.contract_id).where(billable_contract.c.contract_id == contract_id)
    connection.execute(held.with_for_update(key_share=True))


def end_at(connection: Connection, contract_id: str, minute: int) -> None:
    """From this minute on no report counts any more; an earlier end stands, what has been reported before stays billed.

    `minute` lies within the contract's window, or at its end. Changes nothing on a contract that is closed.
    """
    columns = billable_contract.c
    connection.execute(
        billable_contract.update()
        .where(columns.contract_id == contract_id, columns.state == OPEN)
        .values(ended_minute=func.least(columns.ended_minute, minute))
    )


def failing(connection: Connection, limit: int) -> list[str]:
    """Up to `limit` open contracts whose guests have failed, and whose money nobody has divided yet."""
    query = select(billable_contract.c.contract_id).where(billable_contract.c.state == OPEN, FAILING)
    return list(connection.execute(query.order_by(billable_contract.c.contract_id).limit(limit)).scalars())


def lock(connection: Connection, contract_id: str) -> Row[Any]:
    """The contract's row, locked until the transaction ends. Raises NotFound."""
    query = select(billable_contract).where(billable_contract.c.contract_id == contract_id)
    row = connection.execute(query.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound("not_found", f"there is no contract {contract_id}", field="contract")
    return row


def lock_open(connection: Connection, contract_id: str) -> Row[Any]:
    """As `lock`; raises Conflict (`state_forbids`) for a contract that is closed."""
    row = lock(connection, contract_id)
    if row.state != OPEN:
        raise Conflict("state_forbids", f"contract {contract_id} is {row.ending or 'completed'} already", field="state")
    return row


def bargain_of(row: Row[Any]) -> Bargain:
    """The bargain in a row of `billable_contract`."""
    return Bargain(
        slices=row.slices,
        minutes=row.end_minute - row.start_minute,
        price_micros=row.price_micros,
        bond_micros=row.bond_micros,
        terms=_terms(_terms_of(row)),
    )


@lru_cache(maxsize=10_000)
def _terms(values: tuple[Any, ...]) -> Terms:
    """Most contracts share their terms with many others."""
    return Terms(*values)


def _row(contract: NewContract) -> dict[str, Any]:
    row: dict[str, Any] = codec.to_json(contract)
    row.update(row.pop("terms"), kept_minutes=contract.end_minute - contract.start_minute)
    return row
