"""A contract follows its guest: status messages from the agent move it along its transition table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from billing import contracts as billing_contracts
from common.wire import GuestStatus
from market.contract_states import CONTRACT_FEED, CONTRACT_STATES, FAILED, PROVISIONING, RUNNING, STOPPED
from market.desired_state import allocation_message
from market.tables import contract
from runtime import feed, outbox
from runtime.feed import FeedEvent

log = logging.getLogger("nestex.contracts")

_FOLLOWS: dict[str, str] = {
    "starting": PROVISIONING,
    "running": PROVISIONING,
    "ready": RUNNING,
    "paused": STOPPED,
    "stopped": STOPPED,
    "failed": FAILED,
}
"""Guest state -> contract state. What is missing (accepted, preparing, crashed, restarting, ...) moves none."""


def follow_guest(connection: Connection, status: GuestStatus, at_micros: int) -> None:
    """Record the status, and move the contract where its table allows it.

    A status of another node's contract changes nothing, nor does one that is older than what is recorded, except that a
    failure is never lost, however late it comes.
    """
    if status.state == "failed":
        billing_contracts.hold(connection, status.contract)  # before the market's row, as completion locks them
    row = connection.execute(select(contract).where(contract.c.id == status.contract).with_for_update()).one_or_none()
    if row is None or row.node_id != status.node:
        log.warning("node %s reports a contract that is not its own: %s", status.node, status.contract)
        return
    if status.at_ms < row.guest_state_at_ms and status.state != "failed":
        return
    changes = _seen(row._mapping, status) | _transition(row._mapping, status) | {"updated_at_micros": at_micros}
    connection.execute(contract.update().where(contract.c.id == row.id).values(**changes))
    if changes.get("state") == FAILED:
        billing_contracts.end_at(connection, row.id, _failed_minute(row._mapping, status))
        outbox.put(connection, [allocation_message({**row._mapping, **changes})])
    if "state" in changes:
        payload = {"state": changes["state"], "reason": changes.get("reason")}
        feed.append(connection, CONTRACT_FEED, [FeedEvent("contract", row.id, payload, at_micros)])


def _seen(row: Mapping[Any, Any], status: GuestStatus) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "guest_state": status.state,
        "guest_state_at_ms": max(row["guest_state_at_ms"], status.at_ms),
    }
    if status.applied > row["applied_revision"]:
        changes["applied_revision"] = min(status.applied, row["revision"])
        changes["answers"] = [asdict(answer) for answer in status.answers]
    if status.endpoints:
        changes["endpoints"] = [asdict(endpoint) for endpoint in status.endpoints]
    held = status.state == "ready" or (status.state == "stopped" and row["want"] == "stopped")
    if held and row["ready_at_micros"] is None:
        changes["ready_at_micros"] = status.at_ms * 1000
    return changes


def _transition(row: Mapping[Any, Any], status: GuestStatus) -> dict[str, Any]:
    target = _FOLLOWS.get(status.state)
    if target is None or target == row["state"] or not CONTRACT_STATES.allows(row["state"], target):
        return {}
    if target != FAILED:
        return {"state": target}
    if _failed_minute(row, status) == row["end_minute"]:
        return {}  # it was delivered to its end
    return {"state": FAILED, "reason": status.reason or "guest_failed", "want": "gone", "revision": row["revision"] + 1}


def _failed_minute(row: Mapping[Any, Any], status: GuestStatus) -> int:
    """The minute from which on nothing is billed: that of the failure, within the window."""
    start, end = int(row["start_minute"]), int(row["end_minute"])
    return max(start, min(status.at_ms // 60_000, end))
