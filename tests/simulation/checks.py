"""What must hold, whatever has happened: the promises of the market, held against what the simulation knows.

Every check returns the first difference as a sentence, or None.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine, func, select

from billing.tables import billable_contract, ledger_account, usage_minute, usage_refused
from common.minutes import SECONDS_PER_MINUTE
from market.contract_states import RECLAIMED, RELEASED
from market.engine.commands import Answer, Command, EndContract, PlaceAsk, PlaceBid, PreviewOrder
from market.nodes.liveness import live_revisions
from market.tables import contract, orders
from nestex.audit.market import audit
from nestex.books import first_difference
from provisioner.guest import GuestRecord
from tests.simulation.hypervisor import Run
from tests.simulation.market import SPOT_CODE

MS_PER_MINUTE = 60_000
OVERDUE_MINUTES = 12
EARLY_MINUTES = 2
"""A little more than a clock can be off."""
DONE = ("filled", "canceled", "expired", "rejected")


def acknowledged(database: Engine, command: Command, answer: Answer) -> str | None:
    """What was answered is in the database at the moment at which the caller hears it."""
    if answer.order is not None and not isinstance(command, PreviewOrder):
        return as_answered(database, answer.order)
    if isinstance(command, PlaceAsk | PlaceBid) and answer.problem is not None:
        with database.connect() as connection:
            if connection.execute(select(orders.c.id).where(orders.c.id == command.order)).one_or_none():
                return f"order {command.order} was refused ({answer.problem.code}) and exists"
    if isinstance(command, EndContract) and answer.ended is not None:
        with database.connect() as connection:
            state = connection.execute(select(contract.c.state).where(contract.c.id == command.contract)).scalar_one()
        wanted = {"release": RELEASED, "reclaim": RECLAIMED}.get(command.ending)
        return (
            None if state == wanted else f"the {command.ending} of {command.contract} was acknowledged: it is {state}"
        )
    return None


def running(database: Engine, participant: str) -> list[str]:
    """The contracts that this participant bought and that have not ended, by id."""
    live = contract.c.state.in_(("scheduled", "provisioning", "running", "stopped"))
    query = select(contract.c.id).where(contract.c.buyer_id == participant, live)
    with database.connect() as connection:
        return list(connection.execute(query.order_by(contract.c.id)).scalars())


def reclaimable(database: Engine, participant: str) -> list[str]:
    """The contracts that this participant sold and may take back, by id."""
    live = contract.c.state.in_(("scheduled", "provisioning", "running", "stopped"))
    spot = contract.c.instrument == SPOT_CODE
    query = select(contract.c.id).where(contract.c.provider_id == participant, live, spot)
    with database.connect() as connection:
        return list(connection.execute(query.order_by(contract.c.id)).scalars())


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


def agreement(database: Engine, node: str, held: Mapping[str, GuestRecord], up: list[str], minute: int) -> str | None:
    """The agent holds exactly what the market wants of it, and nothing else runs."""
    with database.connect() as connection:
        wanted = live_revisions(connection, node)
    for name, revision in wanted.items():
        record = held.get(name)
        if record is None or record.allocation.revision != revision:
            return (
                f"node {node} should hold {name} at revision {revision} and has {record and record.allocation.revision}"
            )
        inside = record.allocation.start < minute < record.allocation.end - 1
        wanted_up = record.allocation.want in ("run", "paused") and not record.halted
        if inside and wanted_up and record.state != "failed" and name not in up:
            return f"node {node}: the guest of {name} should run and does not ({record.state})"
    stray = [name for name in up if name not in wanted and name not in held]
    return f"node {node} runs {stray[0]}, which nobody wants" if stray else None


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


def delivered(
    database: Engine,
    runs: list[Run],
    may_lack: Callable[[str], bool],
    broken: set[str],
    commanded: set[str],
    slack_seconds: int,
) -> str | None:
    """Every delivered minute is billed, and none that was not, by contract.

    A guest is delivered from when it was told to be ready: not before, where its agent died between its start and the
    news of it. `may_lack` names the nodes whose agents have lost what they knew. Of `broken` guests, the time since
    they were last seen up counts for nothing. `commanded` guests may be off because their buyers want it, which
    counts, or be on the way up again, which does not.
    """
    with database.connect() as connection:
        rows = connection.execute(select(billable_contract)).all()
        usage = usage_minute.c
        query = select(usage.contract_id, func.sum(usage.seconds)).group_by(usage.contract_id)
        metered = {name: int(seconds) for name, seconds in connection.execute(query)}
        ready = select(contract.c.id, contract.c.ready_at_micros).where(contract.c.ready_at_micros.is_not(None))
        ready_at = {name: int(micros) // 1000 for name, micros in connection.execute(ready)}
    bounds = {row.contract_id: (row.start_minute, row.ended_minute or row.end_minute) for row in rows}
    up_ms, ready_ms = _times(runs, bounds, ready_at)
    for row in rows:
        seconds = metered.get(row.contract_id, 0)
        if row.contract_id in commanded:  # one that is stopped before its start is delivered without ever being up
            start, end = bounds[row.contract_id]
            up_ms[row.contract_id] = (end - start) * MS_PER_MINUTE
        up_s, delivered_s = up_ms[row.contract_id] / 1000, ready_ms[row.contract_id] / 1000
        if seconds > up_s + slack_seconds:
            return f"contract {row.contract_id}: {seconds} s metered, {up_s:.1f} s up"
        may_be_less = row.contract_id in broken | commanded or may_lack(row.node_id)
        if not may_be_less and seconds < delivered_s - slack_seconds:
            return f"contract {row.contract_id}: {seconds} s metered, {delivered_s:.1f} s delivered: too few"
        if seconds // SECONDS_PER_MINUTE != row.billed_minutes:
            return f"contract {row.contract_id}: {seconds} s metered, {row.billed_minutes} minutes billed"
    return None


def refused(database: Engine, may_lack: Callable[[str], bool], given_up: set[str]) -> str | None:
    """No usage was refused but what came too late, and what a restore has left without a contract."""
    with database.connect() as connection:
        rows = connection.execute(select(usage_refused)).all()
    wrong = [
        row.reason
        for row in rows
        if not may_lack(row.node_id)
        and row.reason not in ("after_end", "after_close")
        and row.contract_id not in given_up
    ]
    return f"usage was refused: {wrong[0]}" if wrong else None


def _times(
    runs: list[Run], bounds: Mapping[str, tuple[int, int]], ready_at: Mapping[str, int]
) -> tuple[Counter[str], Counter[str]]:
    """For how many ms of its window each contract's guest was up, and up after it was told to be ready."""
    up_ms: Counter[str] = Counter()
    ready_ms: Counter[str] = Counter()
    for run in runs:
        start, end = bounds[run.contract]
        if run.to_ms is not None:
            from_ms, to_ms = max(run.from_ms, start * MS_PER_MINUTE), min(run.to_ms, end * MS_PER_MINUTE)
            up_ms[run.contract] += max(0, to_ms - from_ms)
            ready_ms[run.contract] += max(0, to_ms - max(from_ms, ready_at.get(run.contract, to_ms)))
    return up_ms, ready_ms


def given_back(told: Mapping[str, Any], again: Answer) -> str | None:
    """The same client_order_id gives the same order back."""
    if again.order is None or again.order["id"] != told["id"]:
        return f"client_order_id {told['client_order_id']} of {told['id']} gives {again}"
    return None
