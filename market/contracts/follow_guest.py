"""A contract follows its guest: status messages from the agent move it along its transition table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from common.wire import GuestStatus
from market import chain
from market.contract_states import CONTRACT_FEED, CONTRACT_STATES, FAILED, GUEST_LEADS_TO, RESOLD
from market.contracts.fail_contract import fail_contract
from market.grown import follow_main, hold_with_grown
from market.tables import contract
from runtime import feed
from runtime.feed import FeedEvent

log = logging.getLogger("nestex.contracts")


def follow_guest(connection: Connection, status: GuestStatus, at_micros: int) -> None:
    """Record the status, and move the contract where its table allows it.

    A status of another node's contract changes nothing, nor does one that is older than what is recorded, except that a
    failure is never lost, however late it comes. Of one instant, a removal is the last: what comes again after it is
    older.
    """
    if status.state == "failed":
        chain.hold(connection, status.contract)  # before the market's row, as completion locks them
        hold_with_grown(connection, status.contract)
    row = connection.execute(select(contract).where(contract.c.id == status.contract).with_for_update()).one_or_none()
    if row is None or row.node_id != status.node:
        log.warning("node %s reports a contract that is not its own: %s", status.node, status.contract)
        return
    known_ms = row.guest_state_at_ms + (row.guest_state == "removed")
    if status.at_ms < known_ms and status.state != "failed":
        return
    target = _target(row._mapping, status)
    moved = {} if target in (None, FAILED) else {"state": target}
    changes = _seen(row._mapping, status) | moved | {"updated_at_micros": at_micros}
    connection.execute(contract.update().where(contract.c.id == row.id).values(**changes))
    grown = follow_main(connection, row.id)
    if target == FAILED:
        minute, reason = _failed_minute(row._mapping, status), status.reason or "guest_failed"
        fail_contract(connection, {**row._mapping, **changes}, minute, reason, at_micros)
    elif target is not None:
        told = {"state": target, "reason": None}
        events = [FeedEvent("contract", name, told, at_micros) for name in (row.id, *grown)]
        feed.append(connection, CONTRACT_FEED, events)


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


def _target(row: Mapping[Any, Any], status: GuestStatus) -> str | None:
    """The state that the contract moves to, if it moves. A guest that fails at the end was delivered to it."""
    target = GUEST_LEADS_TO.get(status.state)
    if target is None or target == row["state"] or not CONTRACT_STATES.allows(row["state"], target):
        return None
    if target == FAILED:
        return None if _failed_minute(row, status) == _until(row) else target
    return None if row["state"] == RESOLD else target


def _failed_minute(row: Mapping[Any, Any], status: GuestStatus) -> int:
    """The minute from which on nothing is billed: that of the failure, within the window."""
    return max(int(row["start_minute"]), min(status.at_ms // 60_000, _until(row)))


def _until(row: Mapping[Any, Any]) -> int:
    """The minute up to which its own guest is to be there."""
    return int(row["ended_minute"] if row["state"] == RESOLD else row["end_minute"])
