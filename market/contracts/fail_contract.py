"""A contract that its provider does not deliver fails: nothing more is metered, and its agent lets the guest go.

The money and the node's capacity follow through the engine (`market.worker.failures`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from billing import contracts as billing_contracts
from market.contract_states import CONTRACT_FEED, FAILED
from market.desired_state import allocation_message
from market.tables import contract
from runtime import feed, outbox
from runtime.feed import FeedEvent


def fail_contract(connection: Connection, row: Mapping[Any, Any], minute: int, reason: str, at_micros: int) -> None:
    """No minute from `minute` on, one of its window, is billed, whatever is reported later.

    `row` is the contract's. It is locked, after the contract's row in billing, and its state allows it to fail.
    """
    changes = {"state": FAILED, "reason": reason, "want": "gone", "revision": row["revision"] + 1}
    connection.execute(
        contract.update().where(contract.c.id == row["id"]).values(**changes, updated_at_micros=at_micros)
    )
    billing_contracts.end_at(connection, row["id"], minute)
    outbox.put(connection, [allocation_message({**row, **changes})])
    event = FeedEvent("contract", row["id"], {"state": FAILED, "reason": reason}, at_micros)
    feed.append(connection, CONTRACT_FEED, [event])
