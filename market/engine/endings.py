"""Contracts that end before their window does: the contract's row and its agent's orders, in the engine's
transaction, what the auction has to free, and how the money is to be divided.

Source: the design's market rules, "Contracts". The batch (`market.engine.batch`) holds the lease already; here follow
the contract in billing and its row on the market. The accounts come last: `market.engine.ended`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import ARRAY, Connection, Row, RowMapping, Text, any_, bindparam, select

from billing import contracts as billing_contracts
from billing import deliveries, endings
from billing.endings import Outcome
from common.errors import Conflict, NotFound, Refused
from common.minutes import MICROS_PER_MINUTE
from market.chain import begun_minute
from market.contract_states import (
    BUSTED,
    CONTRACT_STATES,
    FAILED,
    PROVISIONING,
    RECLAIMED,
    RELEASED,
    SCHEDULED,
)
from market.desired_state import allocation_message
from market.engine.commands import EndContract, Ending
from market.engine.ended import CheapestAsk, Ended, Replace, Replacement, Undelivered
from market.tables import contract, instrument, slice_class
from matching.commands import Free
from runtime import outbox
from runtime.feed import FeedEvent

NOTICE_MINUTES = 2
"""So long a reclaimed guest stays, in whole minutes. Source: the design's market rules, "Who and what"."""

STATES: dict[Ending, str] = {"release": RELEASED, "reclaim": RECLAIMED, "fail": FAILED, "bust": BUSTED}
"""The state in which a contract ends, for each command."""


@dataclass(frozen=True, slots=True)
class Planned:
    """From which minute on a contract ends, how its money is divided then, and what tells of its replacement."""

    minute: int
    divide: Callable[[], Outcome]
    link: dict[str, str] = field(default_factory=dict)


def end_contract(
    connection: Connection,
    shard: str,
    command: EndContract,
    at_micros: int,
    cheapest_ask: CheapestAsk,
    replace: Replace,
    *,
    alone: bool = True,
) -> Ended:
    """End it, all but the auction's part and the money; not `alone`, where it goes with the contract whose guest it
    made larger.

    Raises NotFound for a contract of others, Refused (`not_your_side`, `not_reclaimable`), and Conflict
    (`state_forbids`) for one that has ended or of which nothing is left.
    """
    billable = billing_contracts.lock(connection, command.contract)
    row = _lock(connection, shard, command)
    _check_alone(row, alone)
    state = STATES[command.ending]
    if command.ending != "fail":  # a failed contract's row has moved with its guest already
        CONTRACT_STATES.check(row["state"], state)
    planned = _plan(connection, command, _Known(row, billable, at_micros, cheapest_ask, replace))
    changes = _changes(row, command, planned.minute) | planned.link
    connection.execute(
        contract.update().where(contract.c.id == row["id"]).values(**changes, updated_at_micros=at_micros)
    )
    if row["grows"] is not None:
        deliveries.end_of(connection, row["id"], planned.minute)
    elif "revision" in changes:
        outbox.put(connection, [allocation_message({**row, **changes})])
    told = {"state": state, "reason": changes.get("reason", row["reason"])}
    return Ended(
        free=freed(row, planned.minute, at_micros // MICROS_PER_MINUTE),
        facts={"state": state, "minute": planned.minute, "reason": command.reason} | planned.link,
        told=FeedEvent("contract", row["id"], told, at_micros),
        buyer=row["buyer_id"],
        provider=row["provider_id"],
        divide=planned.divide,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the contract: on the market, in the books, and the time, the prices and the way to buy."""

    row: Mapping[Any, Any]
    billable: Row[Any]
    at_micros: int
    cheapest_ask: CheapestAsk
    replace: Replace

    @property
    def next_minute(self) -> int:
        """What "now" means on the market."""
        return self.at_micros // MICROS_PER_MINUTE + 1


ROWS = (
    select(contract, instrument.c.firmness, slice_class.c.vcpus, slice_class.c.memory_mib, slice_class.c.disk_gib)
    .join(instrument, instrument.c.code == contract.c.instrument)
    .join(slice_class, slice_class.c.name == instrument.c.slice_class)
    .where(contract.c.id == any_(bindparam("ids", type_=ARRAY(Text))), contract.c.shard == bindparam("of_shard"))
    .order_by(contract.c.id)
    .with_for_update(of=contract)
)
"""Contracts of the shard, locked, with what their instruments and slice classes say."""


def _lock(connection: Connection, shard: str, command: EndContract) -> RowMapping:
    row = connection.execute(ROWS, {"ids": [command.contract], "of_shard": shard}).mappings().one_or_none()
    check_caller(row, command)
    assert row is not None
    return row


def check_caller(row: Mapping[Any, Any] | None, command: EndContract) -> None:
    """Buyers release, providers reclaim; failures and busts are the market's own. Raises NotFound and Refused."""
    if row is None or (command.participant not in (None, row["buyer_id"], row["provider_id"])):
        raise NotFound("not_found", f"you have no contract {command.contract}", field="contract")
    party = {"release": row["buyer_id"], "reclaim": row["provider_id"]}.get(command.ending)
    if command.participant != party:
        side = "buyer" if command.ending == "release" else "provider"
        raise Refused("not_your_side", f"only the {side} of a contract can {command.ending} it", field="contract")
    if command.ending == "reclaim" and row["firmness"] != "spot":
        raise Refused("not_reclaimable", "a firm contract binds its provider to its end", field="contract")


def _check_alone(row: Mapping[Any, Any], alone: bool) -> None:
    if alone and row["grows"] is not None:
        raise Conflict("state_forbids", f"it ends with contract {row['grows']}, or by rescaling that", field="contract")


def _plan(connection: Connection, command: EndContract, known: _Known) -> Planned:
    name, next_minute = known.row["id"], known.next_minute
    match command.ending:
        case "release":
            late = is_late(known.row, known.billable, next_minute)
            return plan_release(connection, name, next_minute, known.at_micros, free=late)
        case "reclaim":
            return plan_reclaim(connection, name, next_minute + NOTICE_MINUTES, known.at_micros)
        case "bust":
            return plan_bust(connection, known.row, next_minute, known.at_micros)
        case _:
            return _plan_failure(connection, known)


def plan_release(connection: Connection, name: str, next_minute: int, at_micros: int, *, free: bool) -> Planned:
    """The buyer gives it back, for nothing where its provider is late. Raises Conflict."""
    minute = endings.cut_at(connection, name, next_minute, fee=not free).minute
    return Planned(minute, partial(endings.release, connection, name, next_minute, at_micros, free=free))


def plan_reclaim(
    connection: Connection, name: str, until: int, at_micros: int, holders: Sequence[tuple[str, int]] = ()
) -> Planned:
    """The provider takes it back at the end of its notice. Raises Conflict."""
    minute = endings.cut_at(connection, name, until).minute
    return Planned(minute, partial(endings.reclaim, connection, name, until, at_micros, holders=holders))


def plan_bust(connection: Connection, row: Mapping[Any, Any], next_minute: int, at_micros: int) -> Planned:
    """The operator cancels the trade: what is still to come of its slices is free again."""
    minute = min(max(next_minute, row["start_minute"]), row["end_minute"])

    def divide() -> Outcome:
        endings.bust(connection, row["id"], at_micros)
        return Outcome(minute, 0, 0, 0)

    return Planned(minute, divide)


def _plan_failure(connection: Connection, known: _Known) -> Planned:
    """The bond pays what the replacement costs more that is bought now, or else what one would."""
    row, minute = known.row, failed_at(known.row["id"], known.billable)
    cheapest = known.cheapest_ask(row["instrument"])
    cut = endings.cut_at(connection, row["id"], minute)
    of_provider = frozenset({row["provider_id"]})
    bought = known.replace(Undelivered(row, cut, cut.bond_micros, of_provider, cheapest)) or Replacement()
    cost = _replacement_micros(known, cheapest) if bought.contract is None else bought.extra_micros
    divide = partial(endings.fail, connection, row["id"], minute, cost, known.at_micros)
    return Planned(cut.minute, divide, bought.link)


def failed_at(name: str, billable: Row[Any]) -> int:
    """From which minute on the contract's guest was not there. Raises Conflict where it has not failed."""
    if billable.ended_minute is None:
        raise Conflict("state_forbids", f"the guest of contract {name} has not failed", field="state")
    return int(billable.ended_minute)


def _replacement_micros(known: _Known, cheapest: int | None) -> int:
    """What the rest would cost more at the cheapest ask that rests, whatever the buyer asked for of its guest; nothing
    where none does. Damages have no VAT."""
    row = known.row
    dearer = 0 if cheapest is None else max(0, cheapest - row["price_micros"])
    return dearer * int(row["slices"]) * int(row["end_minute"] - known.billable.ended_minute)


def _changes(row: Mapping[Any, Any], command: EndContract, minute: int) -> dict[str, Any]:
    """A guest that is up stays until that minute, by its agent's own clock; others go at once."""
    if command.ending == "fail":
        return {"ended_minute": minute}
    stays = command.ending != "bust" and minute > begun_minute(row) and row["grows"] is None
    return {
        "state": STATES[command.ending],
        "reason": command.reason,
        "want": row["want"] if stays else "gone",
        "revision": row["revision"] + 1,
        "ended_minute": minute,
    }


def is_late(row: Mapping[Any, Any], billable: Row[Any], next_minute: int) -> bool:
    """Whether its guest, the newest of them where there were several, is not ready though its deadline has passed."""
    is_waited_for = row["ready_at_micros"] is None or (
        row["resumed_minute"] is not None and row["state"] in (SCHEDULED, PROVISIONING)
    )
    return is_waited_for and next_minute > begun_minute(row) + int(billable.allowance_minutes)


def freed(row: Mapping[Any, Any], minute: int, now: int) -> Free:
    """What the node has again from the minute on, as far as it is to come."""
    return Free(
        minute=now,
        contract=row["id"],
        node=row["node_id"],
        slices=row["slices"],
        slice_vcpus=row["vcpus"],
        slice_memory_mib=row["memory_mib"],
        slice_disk_gib=row["disk_gib"],
        start=min(max(minute, now + 1), row["end_minute"]),
        end=row["end_minute"],
    )
