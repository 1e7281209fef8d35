"""Non-delivery: a guest that is not ready within the delivery deadline, or that its provider lost, fails its contract.

Nobody is failed by a silence that may end well: a guest counts as late only when its agent has spoken after the
deadline and told all that it knows, and a node as lost for good only after `lost_after_minutes`.

Source: the design's market rules, "Delivery and billing".
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from billing.tables import billable_contract
from market import chain
from market.contract_states import PROVISIONING, RESOLD, RUNNING, SCHEDULED, STOPPED
from market.contracts.fail_contract import fail_contract
from market.grown import hold_with_grown
from market.tables import contract, node

LATE = "not_ready_in_time"
LOST = "node_lost"

_BEGUN = func.coalesce(contract.c.resumed_minute, contract.c.start_minute)
_IN_BOTH = contract.join(billable_contract, billable_contract.c.contract_id == contract.c.id)


def fail_late(
    connection: Connection, node_id: str, minute: int, at_micros: int, untold: Collection[str] = ()
) -> list[str]:
    """The contracts of the node that fail because their guests were not ready within the delivery deadline.

    Its agent was heard in `minute`; of the contracts in `untold` it has news that did not come yet. What the buyer has
    stopped is not late, and what has reached the end of its window is left to completion.
    """
    late = (
        (contract.c.node_id == node_id)
        & contract.c.grows.is_(None)
        & contract.c.state.in_((SCHEDULED, PROVISIONING))
        & (contract.c.ready_at_micros.is_(None) | contract.c.resumed_minute.is_not(None))
        & (contract.c.want == "run")
        & (_BEGUN + billable_contract.c.allowance_minutes <= minute)
        & contract.c.id.not_in(untold)
    )
    return _fail(connection, late, minute, LATE, at_micros)


def fail_lost(connection: Connection, minute: int, at_micros: int, silent_seconds: float) -> list[str]:
    """The contracts that fail in `minute`, inside their windows, because their nodes have been silent for so many real
    seconds. To be asked only while heartbeats are being read."""
    silent = node.c.heartbeat_at < func.now() - timedelta(seconds=silent_seconds)
    lost = (
        contract.c.node_id.in_(select(node.c.id).where(node.c.state == "lost", silent))
        & contract.c.grows.is_(None)
        & contract.c.state.in_((SCHEDULED, PROVISIONING, RUNNING, STOPPED, RESOLD))
        & (contract.c.start_minute <= minute)
    )
    return _fail(connection, lost, minute, LOST, at_micros)


def _fail(
    connection: Connection, condition: ColumnElement[bool], minute: int, reason: str, at_micros: int
) -> list[str]:
    """In id order, and as they stand once they are locked, after their chains' rows in billing. All that failed."""
    found = select(contract).select_from(_IN_BOTH).where(condition, contract.c.end_minute > minute)
    for row in connection.execute(found.order_by(contract.c.id)).all():
        chain.hold(connection, row.id)
        hold_with_grown(connection, row.id)
    locked = found.order_by(contract.c.id).with_for_update(of=contract)
    rows = connection.execute(locked).mappings().all()
    failed: list[str] = []
    for each in rows:
        if each["id"] not in failed:
            failed += fail_contract(connection, each, minute, reason, at_micros)
    return failed
