"""The rest of a contract has traded: its own guest ends when that of the new contract starts, which delivers it from
then on.

Runs in the engine's transaction, behind the lease, before accounts are locked. What was offered is looked at again
here, under the contracts' locks: a guest may have failed since the ask came in, without the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from billing import contracts as billing_contracts
from billing import deliveries
from billing.contracts import NewContract
from billing.deliveries import Delivery
from billing.tables import billable_contract
from market.chain import begun_minute
from market.contract_states import CONTRACT_STATES, RESELLABLE, RESOLD
from market.desired_state import allocation_message
from market.engine.commands import CancelOrder
from market.engine.records import ContractRecord
from market.tables import contract
from runtime import outbox
from runtime.arrays import among
from runtime.feed import FeedEvent

CONTRACT_OVER = "contract_over"
"""Why an ask for the rest of a contract is canceled."""


class NothingLeft(Exception):
    """Trades cannot stand, because they sell the rest of contracts that have failed. These `cancels` come first."""

    def __init__(self, cancels: Sequence[CancelOrder]) -> None:
        super().__init__(f"{len(cancels)} contracts are over")
        self.cancels = cancels


def hand_over(connection: Connection, resold: Sequence[ContractRecord], at_micros: int) -> list[FeedEvent]:
    """Let the sold contracts' guests end, and tell their agents; what the feed tells of them. Raises NothingLeft."""
    sold = {record.resold_from: record for record in resold if record.resold_from is not None}
    rows = _lock(connection, sorted(sold))
    over = [record for name, record in sold.items() if name not in rows]
    if over:
        raise NothingLeft([CancelOrder(each.ask_order, each.billed.provider_id, CONTRACT_OVER) for each in over])
    changed = []
    for name, row in rows.items():
        CONTRACT_STATES.check(row["state"], RESOLD)
        changes = _changes(row, sold[name].billed) | {"updated_at_micros": at_micros}
        connection.execute(contract.update().where(contract.c.id == name).values(changes))
        changed.append({**row, **changes})
    outbox.put(connection, [allocation_message(row) for row in changed])
    return [FeedEvent("contract", name, {"state": RESOLD, "reason": None}, at_micros) for name in rows]


def deliver(connection: Connection, resold: Sequence[ContractRecord]) -> None:
    """From its start on, the guest of each new contract, which is written by now, delivers the one whose rest it is."""
    parts = [(record.resold_from, record.billed) for record in resold if record.resold_from is not None]
    links = [Delivery(whole, part.contract_id, part.start_minute, part.end_minute) for whole, part in parts]
    deliveries.deliver(connection, links)


def _lock(connection: Connection, named: Sequence[str]) -> dict[str, RowMapping]:
    """Those whose rest can still be sold."""
    for each in named:
        billing_contracts.hold(connection, each)
    sound = billable_contract.c.ended_minute.is_(None) & (billable_contract.c.state == billing_contracts.OPEN)
    query = (
        select(contract)
        .join(billable_contract, billable_contract.c.contract_id == contract.c.id)
        .where(among(contract.c.id, named), contract.c.state.in_(RESELLABLE), sound)
        .order_by(contract.c.id)
        .with_for_update(of=contract)
    )
    return {row["id"]: row for row in connection.execute(query).mappings()}


def _changes(row: Mapping[Any, Any], part: NewContract) -> dict[str, Any]:
    """A guest that is there, or comes before the other one, ends by its agent's own clock."""
    return {
        "state": RESOLD,
        "reason": None,
        "want": row["want"] if part.start_minute > begun_minute(row) else "gone",
        "revision": row["revision"] + 1,
        "ended_minute": part.start_minute,
        "resold_to": part.contract_id,
    }
