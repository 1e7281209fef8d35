"""A contract that its provider does not deliver fails: nothing more is metered, and its agent lets the guest go. What
it is a part of, or was resold in parts, fails in the same minute.

The money and the node's capacity follow through the engine (`market.worker.failures`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from billing import contracts as billing_contracts
from market import chain
from market.contract_states import CONTRACT_FEED, CONTRACT_STATES, FAILED
from market.desired_state import allocation_message
from market.grown import grown_of
from market.tables import contract
from runtime import feed, outbox
from runtime.feed import FeedEvent


def fail_contract(
    connection: Connection, row: Mapping[Any, Any], minute: int, reason: str, at_micros: int
) -> list[str]:
    """No minute from `minute` on, one of its window, is billed, whatever is reported later. All contracts that have
    failed by it.

    `row` is the contract's. It is locked, after its chain's rows in billing (`chain.hold`) and those of the contracts
    that made its guest larger, and its state allows it to fail. These fail with it.
    """
    linked = chain.others(connection, row)
    failing = [row, *(each for each in linked if CONTRACT_STATES.allows(each["state"], FAILED))]
    for each in failing:
        _fail(connection, each, max(minute, each["start_minute"]), reason, at_micros)
    return [each["id"] for each in failing]


def _fail(connection: Connection, row: Mapping[Any, Any], minute: int, reason: str, at_micros: int) -> None:
    changes = {"state": FAILED, "reason": reason, "want": "gone", "revision": row["revision"] + 1}
    connection.execute(
        contract.update().where(contract.c.id == row["id"]).values(**changes, updated_at_micros=at_micros)
    )
    billing_contracts.end_at(connection, row["id"], minute)
    outbox.put(connection, [allocation_message({**row, **changes})])
    failed = [row["id"]]
    for other in grown_of(connection, row["id"]):
        same = {"state": FAILED, "reason": reason, "want": "gone", "updated_at_micros": at_micros}
        connection.execute(contract.update().where(contract.c.id == other["id"]).values(**same))
        billing_contracts.end_at(connection, other["id"], max(minute, other["start_minute"]))
        failed.append(other["id"])
    told = {"state": FAILED, "reason": reason}
    feed.append(connection, CONTRACT_FEED, [FeedEvent("contract", name, told, at_micros) for name in failed])
