"""Contracts whose last minute has passed and is accounted for come to their end, in the books and on the market."""

from __future__ import annotations

from sqlalchemy import Connection, select

from billing import completion
from market.contract_states import COMPLETED, CONTRACT_FEED, CONTRACT_STATES
from market.tables import contract
from runtime import feed
from runtime.feed import FeedEvent


def complete_contracts(connection: Connection, now_minute: int, at_micros: int, grace_minutes: int, limit: int) -> int:
    """How many contracts billing has closed; their market rows are `completed` unless they had ended otherwise."""
    closed = [done.contract_id for done in completion.complete(connection, now_minute, at_micros, grace_minutes, limit)]
    if not closed:
        return 0
    rows = connection.execute(
        select(contract.c.id, contract.c.state).where(contract.c.id.in_(closed)).with_for_update()
    )
    ending = sorted(row.id for row in rows if CONTRACT_STATES.allows(row.state, COMPLETED))
    connection.execute(
        contract.update().where(contract.c.id.in_(ending)).values(state=COMPLETED, updated_at_micros=at_micros)
    )
    events = [FeedEvent("contract", ended, {"state": COMPLETED, "reason": None}, at_micros) for ended in ending]
    feed.append(connection, CONTRACT_FEED, events)
    return len(closed)
