"""The dead-man timer: all open orders of a participant are canceled, unless it asks for more time before it runs out.

Timers lie in the database, and count real time by its clock, so they outlast every process. One that has run out is
claimed before anything is canceled, and set anew only after: so no order is canceled that was placed under a newer one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from common import fault_points
from common.errors import Conflict
from market.engine.client import EngineClient
from market.engine.commands import CancelAll
from market.orders.cancel_orders import cancel_all
from market.orders.read_orders import Filter, shards_with_orders
from market.tables import cancel_timer
from runtime.database import transaction

LONGEST_SECONDS = 86_400
_CLAIM_SECONDS = 30
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """A participant's timer; `due_at` is real time."""

    participant: str
    seconds: int
    due_at: datetime


def read_timer(connection: Connection, participant: str) -> CancelTimer | None:
    """The participant's timer, if it runs."""
    query = select(cancel_timer).where(cancel_timer.c.participant_id == participant)
    row = connection.execute(query).one_or_none()
    return None if row is None else CancelTimer(row.participant_id, row.seconds, row.due_at)


async def set_timer(database: Engine, engine: EngineClient, participant: str, seconds: int) -> CancelTimer | None:
    """The timer as it runs from now, None for 0 seconds. One that has run out before is carried out first.

    Raises Conflict (`state_forbids`) while somebody else carries it out, Unavailable when that fails.
    """
    overdue = await asyncio.to_thread(transaction, database, lambda connection: _claim_own(connection, participant))
    if overdue is not None:
        await carry_out(database, engine, overdue)
    return await asyncio.to_thread(transaction, database, lambda connection: _set(connection, participant, seconds))


async def carry_out(database: Engine, engine: EngineClient, timer: CancelTimer) -> int:
    """Cancel what the owner of a claimed timer has open, and end the timer; how many orders were canceled.

    Raises what canceling raises: then the timer is due again at once.
    """
    wanted = Filter(is_open=True)
    try:
        shards = await asyncio.to_thread(
            transaction, database, lambda connection: shards_with_orders(connection, timer.participant, wanted)
        )
        canceled = await cancel_all(engine, shards, CancelAll(timer.participant))
        fault_points.reach("timer.canceled")
    except Exception:
        await asyncio.to_thread(transaction, database, lambda connection: _release(connection, timer))
        raise
    await asyncio.to_thread(transaction, database, lambda connection: _end(connection, timer))
    return canceled


def claim_due(connection: Connection) -> list[CancelTimer]:
    """Some of the timers that have run out, now the caller's to carry out: for half a minute, should it die."""
    return _claim(connection, select(cancel_timer.c.participant_id).order_by(cancel_timer.c.due_at).limit(_AT_ONCE))


def _claim_own(connection: Connection, participant: str) -> CancelTimer | None:
    claimed = _claim(connection, select(cancel_timer.c.participant_id).where(_of(participant)))
    return claimed[0] if claimed else None


def _claim(connection: Connection, wanted: Select[tuple[str]]) -> list[CancelTimer]:
    free = cancel_timer.c.claimed_until.is_(None) | (cancel_timer.c.claimed_until <= func.clock_timestamp())
    due = wanted.where(cancel_timer.c.due_at <= func.clock_timestamp(), free).with_for_update(skip_locked=True)
    claimed = (
        cancel_timer.update()
        .where(cancel_timer.c.participant_id.in_(due.scalar_subquery()))
        .values(claimed_until=func.clock_timestamp() + timedelta(seconds=_CLAIM_SECONDS))
        .returning(cancel_timer.c.participant_id, cancel_timer.c.seconds, cancel_timer.c.due_at)
    )
    return [CancelTimer(row.participant_id, row.seconds, row.due_at) for row in connection.execute(claimed)]


def _set(connection: Connection, participant: str, seconds: int) -> CancelTimer | None:
    """Refused for a timer that has run out: it ran out, or was claimed, since `set_timer` looked."""
    untouched = cancel_timer.c.due_at > func.clock_timestamp()
    if seconds == 0:
        connection.execute(cancel_timer.delete().where(_of(participant), untouched))
        if read_timer(connection, participant) is not None:
            raise _running_out()
        return None
    due_at = func.clock_timestamp() + timedelta(seconds=seconds)
    statement = insert(cancel_timer).values(participant_id=participant, seconds=seconds, due_at=due_at)
    statement = statement.on_conflict_do_update(
        index_elements=["participant_id"],
        set_={"seconds": statement.excluded.seconds, "due_at": statement.excluded.due_at},
        where=untouched,
    )
    row = connection.execute(statement.returning(cancel_timer.c.due_at)).one_or_none()
    if row is None:
        raise _running_out()
    return CancelTimer(participant, seconds, row.due_at)


def _running_out() -> Conflict:
    message = "the timer has run out, and the orders are being canceled; call again in a moment"
    return Conflict("state_forbids", message, field="seconds")


def _of(participant: str) -> ColumnElement[bool]:
    return cancel_timer.c.participant_id == participant


def _is(timer: CancelTimer) -> ColumnElement[bool]:
    """That timer, and no later one of the participant."""
    return _of(timer.participant) & (cancel_timer.c.due_at == timer.due_at)


def _release(connection: Connection, timer: CancelTimer) -> None:
    connection.execute(cancel_timer.update().where(_is(timer)).values(claimed_until=None))


def _end(connection: Connection, timer: CancelTimer) -> None:
    connection.execute(cancel_timer.delete().where(_is(timer)))
