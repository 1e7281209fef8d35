"""Rescale through the market: a guest gets more slices, bought on its node until its end, or gives whole contracts back
that were bought so. One command, all or nothing.

Source: the design's market rules, "Contracts". The batch (`market.engine.batch`) holds the lease already; it writes the
trade's rows, and `link` follows them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from billing import contracts as billing_contracts
from billing import deliveries
from billing.deliveries import Delivery
from common import codec
from common.errors import Conflict, InvalidInput, NotFound, Refused
from common.minutes import MICROS_PER_MINUTE
from common.wire import Extras, GuestSpec
from market import grown
from market.contract_states import CONTRACT_STATES
from market.desired_state import allocation_message, spec_of
from market.engine.batch_run import BatchRun
from market.engine.client import error_of
from market.engine.commands import Answer, GuestTemplate, PlaceBid, RescaleContract
from market.engine.facts import gather
from market.engine.records import ContractRecord
from market.engine.trade_rows import trade_row
from market.tables import contract
from matching.events import REASONS
from runtime import outbox


@dataclass(frozen=True, slots=True)
class Rescaled:
    """The answer; the contract that was bought, if one was; those that are to be released, newest first."""

    answer: Answer
    bought: ContractRecord | None = None
    released: tuple[str, ...] = ()


def rescale(connection: Connection, run: BatchRun, command: RescaleContract) -> Rescaled:
    """Buy, or say what is to be released, and tell the guest's agent of its new size. The disk waits for its buyer to
    let it grow, because it never shrinks again.

    Raises NotFound, Refused (`not_your_side`, `not_on_offer`, `beyond_the_slices` and what the bid is refused for),
    InvalidInput, and Conflict (`state_forbids`): then nothing has changed.
    """
    row = _lock_main(connection, run, command)
    others = grown.grown_of(connection, row["id"])
    held = row["slices"] + sum(other["slices"] for other in others)
    if command.slices == held:
        return Rescaled(Answer())
    own = codec.from_json(GuestSpec, row["guest"])
    after, now = grown.scaled(own, row["slices"], command.slices), spec_of(row)
    if command.slices > held:
        answer = _buy(connection, run, row, command, command.slices - held)
        before = grown.scaled(own, row["slices"], held)
        vcpus = now.vcpus + after.vcpus - before.vcpus
        memory_mib = now.memory_mib + after.memory_mib - before.memory_mib
        _resize(connection, run, row, dataclasses.replace(now, vcpus=vcpus, memory_mib=memory_mib))
        bought = run.effects.contracts[-1]
        trade = trade_row(*run.effects.trades[-1])
        answer = dataclasses.replace(answer, trades=(trade,), value_micros=bought.billed.escrow_micros)
        return Rescaled(answer, bought)
    released = _newest(row, others, held, command.slices)
    _check_disk(row, now, after)
    vcpus, memory_mib = min(now.vcpus, after.vcpus), min(now.memory_mib, after.memory_mib)
    _resize(connection, run, row, dataclasses.replace(now, vcpus=vcpus, memory_mib=memory_mib))
    return Rescaled(Answer(), released=released)


def link(connection: Connection, bought: ContractRecord) -> None:
    """The contract that was bought, once its rows are written, is delivered by its main contract's guest."""
    billed, main = bought.billed, bought.grows
    assert main is not None
    deliveries.deliver(connection, [Delivery(billed.contract_id, main, billed.start_minute, billed.end_minute)])
    grown.follow_main(connection, main)


def _lock_main(connection: Connection, run: BatchRun, command: RescaleContract) -> RowMapping:
    query = select(contract).where(contract.c.id == command.contract, contract.c.shard == run.shard)
    row = connection.execute(query.with_for_update()).mappings().one_or_none()
    if row is None or command.participant not in (row["buyer_id"], row["provider_id"]):
        raise NotFound("not_found", f"you have no contract {command.contract}", field="contract")
    if command.participant != row["buyer_id"]:
        raise Refused("not_your_side", "only the buyer of a contract can rescale it", field="contract")
    if row["kind"] != "guest":
        raise Refused("wrong_kind", "a volume is grown within what its slices bought", field="contract")
    if row["grows"] is not None:
        raise Conflict(
            "state_forbids", f"its guest is that of contract {row['grows']}: name that one", field="contract"
        )
    failing = billing_contracts.lock(connection, row["id"]).ended_minute is not None
    if failing or CONTRACT_STATES.is_terminal(row["state"]):
        raise Conflict("state_forbids", f"the contract {row['id']} is over, or about to be", field="contract")
    return row


def _buy(
    connection: Connection, run: BatchRun, row: Mapping[Any, Any], command: RescaleContract, slices: int
) -> Answer:
    start = max(run.at_micros // MICROS_PER_MINUTE + 1, row["start_minute"])
    if start >= row["end_minute"]:
        raise Conflict("state_forbids", f"nothing is left of contract {row['id']}", field="contract")
    if command.price_micros is None:
        raise InvalidInput("missing_field", "name the most that you pay for a slice-hour more", field="price")
    guest = spec_of(row)
    bid = PlaceBid(
        order=command.order,
        participant=command.participant,
        client_order_id=None,
        instrument=row["instrument"],
        price_micros=command.price_micros,
        time_in_force="fok",
        guests=1,
        slices_per_guest=slices,
        duration_minutes=row["end_minute"] - start,
        start_from=start,
        start_by=start,
        template=GuestTemplate(guest.name, guest.image),
        nodes=(row["node_id"],),
        grows=row["id"],
    )
    run.facts = gather(connection, run.shard, [bid], [])
    answer = run.answer(bid)
    if answer.problem is not None:
        raise error_of(answer.problem)
    assert answer.order is not None
    if run.effects.resold():
        raise Refused("not_on_offer", "its node offers such slices as the rest of a contract only", field="slices")
    if answer.order["state"] != "filled":
        sentence = REASONS[answer.order["reason"]].sentence
        raise Refused("not_on_offer", f"its node has no such slices until its end: {sentence}", field="slices")
    return answer


def _newest(row: Mapping[Any, Any], others: Sequence[RowMapping], held: int, wanted: int) -> tuple[str, ...]:
    released, steps = [], [held]
    for other in reversed(others):
        steps.append(steps[-1] - other["slices"])
        released.append(other["id"])
        if steps[-1] == wanted:
            return tuple(released)
    choice = ", ".join(map(str, steps[1:])) or "none: release the contract"
    raise Refused("beyond_the_slices", "whole contracts are released, newest first", field="slices", limit=choice)


def _check_disk(row: Mapping[Any, Any], now: GuestSpec, after: GuestSpec) -> None:
    extras = codec.from_json(Extras, row["extras"])
    used = now.disk_gib * (1 + len(extras.snapshots)) + sum(disk.size_gib for disk in extras.volumes)
    if used > after.disk_gib:
        message = (
            f"the guest's disk, snapshots and volumes have {used} GiB, its slices would be good for {after.disk_gib}"
        )
        raise Refused("beyond_the_slices", message, field="slices", limit=after.disk_gib)


def _resize(connection: Connection, run: BatchRun, row: Mapping[Any, Any], guest: GuestSpec) -> None:
    same = guest == codec.from_json(GuestSpec, row["guest"])
    changes = {
        "rescaled": None if same else codec.to_json(guest),
        "revision": row["revision"] + 1,
        "updated_at_micros": run.at_micros,
    }
    connection.execute(contract.update().where(contract.c.id == row["id"]).values(**changes))
    outbox.put(connection, [allocation_message({**row, **changes})])
