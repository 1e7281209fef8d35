"""A contract follows its guest: status messages from the agent move it along its transition table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from billing import contracts as billing_contracts
from common.wire import GuestStatus
from market.contract_states import CONTRACT_STATES, FAILED, PROVISIONING, RUNNING, STOPPED
from market.contracts.desired_state import allocation_message
from market.tables import contract
from runtime import feed, outbox
from runtime.feed import FeedEvent

log = logging.getLogger("nestex.contracts")

CONTRACT_FEED = "contracts"

_FOLLOWS: dict[str, str] = {
    "starting": PROVISIONING,
    "running": PROVISIONING,
    "ready": RUNNING,
    "paused": STOPPED,
    "stopped": STOPPED,
    "failed": FAILED,
}
"""Guest state -> contract state. What is missing (accepted, preparing, crashed, ...) moves none."""


def follow_guest(connection: Connection, status: GuestStatus, at_micros: int) -> None:
    """Record the status, and move the contract where its table allows it. A status that is older than what is recorded,
    or of another node's contract, changes nothing."""
    if status.state == "failed":
        _end_billing(connection, status)
    row = connection.execute(select(contract).where(contract.c.id == status.contract).with_for_update()).one_or_none()
    if row is None or row.node_id != status.node:
        log.warning("node %s reports a contract that is not its own: %s", status.node, status.contract)
        return
    if status.at_ms < row.guest_state_at_ms:
        return
    changes: dict[str, Any] = {
        "guest_state": status.state,
        "guest_state_at_ms": status.at_ms,
        "applied_revision": max(row.applied_revision, status.revision),
        "updated_at_micros": at_micros,
    }
    if status.endpoints:
        changes["endpoints"] = [asdict(endpoint) for endpoint in status.endpoints]
    if status.state == "ready" and row.ready_at_micros is None:
        changes["ready_at_micros"] = status.at_ms * 1000
    changes |= _transition(row._mapping, status)
    connection.execute(contract.update().where(contract.c.id == row.id).values(**changes))
    if "want" in changes:
        outbox.put(connection, [allocation_message({**row._mapping, **changes})])
    if "state" in changes:
        payload = {"state": changes["state"], "reason": changes.get("reason")}
        feed.append(connection, CONTRACT_FEED, [FeedEvent("contract", row.id, payload, at_micros)])


def _end_billing(connection: Connection, status: GuestStatus) -> None:
    """No minute from the failure on is billed. Before the market's row is locked: completion locks billing's row
    first."""
    row = connection.execute(select(contract).where(contract.c.id == status.contract)).one_or_none()
    if row is not None and row.node_id == status.node and CONTRACT_STATES.allows(row.state, FAILED):
        minute = max(row.start_minute, min(status.at_ms // 60_000, row.end_minute))
        billing_contracts.end_at(connection, row.id, minute)


def _transition(row: Mapping[Any, Any], status: GuestStatus) -> dict[str, Any]:
    target = _FOLLOWS.get(status.state)
    if target is None or target == row["state"] or not CONTRACT_STATES.allows(row["state"], target):
        return {}
    if target != FAILED:
        return {"state": target}
    return {"state": FAILED, "reason": status.reason or "guest_failed", "want": "gone", "revision": row["revision"] + 1}
