"""What must hold, whatever has happened: the promises of the market, held against what the simulation knows.

Every check returns the first difference as a sentence, or None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine, func, select

from billing.tables import billable_contract, ledger_account, usage_refused
from market.contract_states import RECLAIMED, RELEASED
from market.engine.commands import (
    Answer,
    Command,
    EndContract,
    PlaceAsk,
    PlaceBid,
    PlaceGroup,
    PreviewOrder,
    RescaleContract,
)
from market.tables import contract, orders
from nestex.audit.market import audit
from nestex.books import first_difference
from tests.simulation.delivery import MS_PER_MINUTE
from tests.simulation.hypervisor import Run

OVERDUE_MINUTES = 12
EARLY_MINUTES = 2
"""A little more than a clock can be off."""
DONE = ("filled", "canceled", "expired", "rejected")


def acknowledged(database: Engine, command: Command, answer: Answer) -> str | None:
    """What was answered is in the database at the moment at which the caller hears it."""
    told = () if isinstance(command, PreviewOrder) else (answer.order, *answer.orders)
    for order in told:
        if order is not None and (difference := as_answered(database, order)) is not None:
            return difference
    if answer.problem is not None:
        return _nothing_of(database, command, answer.problem.code)
    if isinstance(command, RescaleContract) and answer.trades:
        bought = select(contract.c.id).where(contract.c.bid_order_id == command.order)
        with database.connect() as connection:
            if connection.execute(bought).one_or_none() is None:
                return f"the growth of {command.contract} by order {command.order} was acknowledged and does not exist"
    if isinstance(command, EndContract) and answer.ended is not None:
        with database.connect() as connection:
            state = connection.execute(select(contract.c.state).where(contract.c.id == command.contract)).scalar_one()
        wanted = {"release": RELEASED, "reclaim": RECLAIMED}.get(command.ending)
        return (
            None if state == wanted else f"the {command.ending} of {command.contract} was acknowledged: it is {state}"
        )
    return None


def _nothing_of(database: Engine, command: Command, code: str) -> str | None:
    asked = command.bids if isinstance(command, PlaceGroup) else (command,)
    names = [each.order for each in asked if isinstance(each, PlaceAsk | PlaceBid | RescaleContract)]
    with database.connect() as connection:
        found = connection.execute(select(orders.c.id).where(orders.c.id.in_(names))).scalars().first()
    return found and f"order {found} was refused ({code}) and exists"


def exclusive(database: Engine) -> str | None:
    """Of the bids of an exclusive group, one trades at most."""
    columns = orders.c
    traded = select(columns.exclusive_group).where(columns.exclusive_group.is_not(None), columns.guests_filled > 0)
    query = traded.group_by(columns.exclusive_group).having(func.count() > 1)
    with database.connect() as connection:
        group = connection.execute(query).scalars().first()
    return group and f"two bids of the exclusive group {group} have traded"


def as_answered(database: Engine, told: Mapping[str, Any]) -> str | None:
    """The order exists as it was answered, or has gone on from there."""
    with database.connect() as connection:
        row = connection.execute(select(orders).where(orders.c.id == told["id"])).mappings().one_or_none()
    if row is None:
        return f"order {told['id']} was acknowledged and does not exist"
    if row["revision"] < told["revision"]:
        return f"order {told['id']} was acknowledged at revision {told['revision']} and is at {row['revision']}"
    if told["state"] in DONE and row["state"] != told["state"]:
        return f"order {told['id']} was acknowledged as {told['state']} and is {row['state']}"
    fixed = ("participant_id", "client_order_id", "side", "entered_minute", "sequence")
    return next((f"order {told['id']} has another {name}" for name in fixed if row[name] != told[name]), None)


def books(database: Engine) -> str | None:
    """`nestex books check`."""
    found = first_difference(database)
    return found and f"books: {found}"


def audited(database: Engine) -> str | None:
    """`nestex audit`."""
    found = audit(database, None, lambda *_progress: None).difference
    return found and f"audit: {found}"


def windows(database: Engine, runs: list[Run]) -> str | None:
    """No guest ran twice at a time, without a contract, or before its window. One may be started after it, by an agent
    that stood still between decision and deed; how long it may then stay is `overdue`'s matter."""
    with database.connect() as connection:
        rows = connection.execute(select(contract.c.id, contract.c.start_minute))
        starts = {row.id: row.start_minute for row in rows}
    for run in runs:
        if run.contract not in starts:
            return f"a guest of {run.contract} ran, which is no contract"
        if run.from_ms < (starts[run.contract] - EARLY_MINUTES) * MS_PER_MINUTE:
            return f"the guest of {run.contract} was started before its window"
    by_contract = defaultdict(list)
    for run in runs:
        by_contract[run.contract].append(run)
    for name, of_one in by_contract.items():
        ordered = sorted(of_one, key=lambda run: run.from_ms)
        for earlier, later in pairwise(ordered):
            if earlier.to_ms is None or earlier.to_ms > later.from_ms:
                return f"the guest of {name} ran twice at a time"
    return None


def overdue(database: Engine, up: list[str], minute: int) -> str | None:
    """No guest is up that should have ended a good while ago: to be asked of a node whose agent has been well for so
    long."""
    end = func.coalesce(contract.c.ended_minute, contract.c.end_minute)
    query = select(contract.c.id).where(contract.c.id.in_(up), end < minute - OVERDUE_MINUTES)
    with database.connect() as connection:
        late = connection.execute(query.order_by(contract.c.id)).scalars().first()
    return late and f"the guest of {late} is up although its window is long over"


def ended(database: Engine, up: list[str]) -> str | None:
    """Every contract is at its end, nothing is held for it, and no guest is left."""
    if up:
        return f"the guest of {up[0]} is still up"
    with database.connect() as connection:
        alive = connection.execute(
            select(contract.c.id, contract.c.state).where(
                contract.c.state.not_in(("completed", "failed", "released", "reclaimed"))
            )
        ).first()
        if alive is not None:
            return f"contract {alive.id} is {alive.state} for ever"
        is_open = connection.execute(
            select(billable_contract.c.contract_id).where(billable_contract.c.state != "closed")
        ).first()
        if is_open is not None:
            return f"contract {is_open.contract_id} is never closed in the books"
        held = ledger_account.c.kind.in_(("escrow", "bond")) & (ledger_account.c.balance_micros != 0)
        left = connection.execute(select(ledger_account.c.id, ledger_account.c.balance_micros).where(held)).first()
    return f"account {left.id} still holds {left.balance_micros}" if left is not None else None


def refused(database: Engine, may_lack: Callable[[str], bool], given_up: set[str]) -> str | None:
    """No usage was refused but what came too late, of a contract that was over or sold on, and what a restore has left
    without one."""
    with database.connect() as connection:
        rows = connection.execute(select(usage_refused)).all()
    wrong = [
        row.reason
        for row in rows
        if not may_lack(row.node_id)
        and row.reason not in ("after_end", "after_close", "delivered_by_another")
        and row.contract_id not in given_up
    ]
    return f"usage was refused: {wrong[0]}" if wrong else None


def given_back(told: Mapping[str, Any], again: Answer) -> str | None:
    """The same client_order_id gives the same order back, or the same group."""
    if told["id"] not in [order["id"] for order in (again.order, *again.orders) if order is not None]:
        return f"client_order_id {told['client_order_id']} of {told['id']} gives {again}"
    return None
