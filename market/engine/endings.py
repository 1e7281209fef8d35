"""Contracts that end before their window does: the books, the contract's row and its agent's orders, in the engine's
transaction, and what the auction has to free.

Source: the design's market rules, "Contracts". The batch (`market.engine.batch`) holds the lease already; here follow
the contract in billing, its row on the market, and the accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Connection, Row, Text, any_, bindparam, select

from billing import contracts as billing_contracts
from billing import deliveries, endings
from billing.endings import Cut, Outcome
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
from market.tables import contract, instrument, slice_class
from matching.commands import Free
from runtime import outbox
from runtime.feed import FeedEvent

NOTICE_MINUTES = 2
"""So long a reclaimed guest stays, in whole minutes. Source: the design's market rules, "Who and what"."""

STATES: dict[Ending, str] = {"release": RELEASED, "reclaim": RECLAIMED, "fail": FAILED, "bust": BUSTED}
"""The state in which a contract ends, for each command."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A contract that has failed: its `row` on the market, what the failure frees of its money, and the instrument's
    cheapest ask, which caps what the bond pays."""

    row: Mapping[Any, Any]
    cut: Cut
    cheapest_micros: int | None


@dataclass(frozen=True, slots=True)
class Replacement:
    """The contract that was bought, and by how much it costs the buyer more than the minutes that it replaces, with
    VAT, in micro-units; or why none was: a code."""

    contract: str | None = None
    not_replaced: str | None = None
    extra_micros: int = 0


CheapestAsk = Callable[[str], int | None]
"""An instrument's lowest price for which a node's slices are offered; None where none are."""
Replace = Callable[[Undelivered], Replacement | None]
"""Buys for the rest of a contract that failed, where that was asked for."""
Link = dict[str, str]
"""Columns of a contract that tell by what it was replaced, or why by nothing."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What the auction frees, what the journal keeps (the contract's `state`, the `minute` and the `reason`), what the
    feed tells, and what became of the money."""

    free: Free
    facts: dict[str, Any]
    told: FeedEvent
    money: Outcome


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
    """End it, all but the auction's part; not `alone`, where it goes with the contract whose guest it made larger.

    Raises NotFound for a contract of others, Refused (`not_your_side`, `not_reclaimable`), and Conflict
    (`state_forbids`) for one that has ended or of which nothing is left.
    """
    billable = billing_contracts.lock(connection, command.contract)
    row = connection.execute(ROWS, {"ids": [command.contract], "of_shard": shard}).mappings().one_or_none()
    check_caller(row, command)
    assert row is not None
    _check_alone(row, alone)
    state = STATES[command.ending]
    if command.ending != "fail":  # a failed contract's row has moved with its guest already
        CONTRACT_STATES.check(row["state"], state)
    money, link = _divide(connection, command, _Known(row, billable, at_micros, cheapest_ask, replace))
    changes = _changes(row, command, money.minute) | link
    connection.execute(
        contract.update().where(contract.c.id == row["id"]).values(**changes, updated_at_micros=at_micros)
    )
    if row["grows"] is not None:
        deliveries.end_of(connection, row["id"], money.minute)
    elif "revision" in changes:
        outbox.put(connection, [allocation_message({**row, **changes})])
    told = {"state": state, "reason": changes.get("reason", row["reason"])}
    return Ended(
        free=freed(row, money.minute, at_micros // MICROS_PER_MINUTE),
        facts={"state": state, "minute": money.minute, "reason": command.reason} | link,
        told=FeedEvent("contract", row["id"], told, at_micros),
        money=money,
    )


def in_all(ended: Sequence[Ended]) -> Outcome:
    """What became of the money of contracts that ended together, the last of them the main one."""
    amounts = [(each.money.fee_micros, each.money.refund_micros, each.money.compensation_micros) for each in ended]
    return Outcome(ended[-1].money.minute, *map(sum, zip(*amounts, strict=True)))


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


def _divide(connection: Connection, command: EndContract, known: _Known) -> tuple[Outcome, Link]:
    if command.ending == "fail":
        return _fail(connection, known)
    return _end(connection, command, known), {}


def _end(connection: Connection, command: EndContract, known: _Known) -> Outcome:
    row, billable, at_micros = known.row, known.billable, known.at_micros
    if command.ending == "release":
        late = is_late(row, billable, known.next_minute)
        return endings.release(connection, row["id"], known.next_minute, at_micros, free=late)
    if command.ending == "reclaim":
        return endings.reclaim(connection, row["id"], known.next_minute + NOTICE_MINUTES, at_micros)
    endings.bust(connection, row["id"], at_micros)
    return Outcome(min(max(known.next_minute, row["start_minute"]), row["end_minute"]), 0, 0, 0)


def _fail(connection: Connection, known: _Known) -> tuple[Outcome, Link]:
    """The bond pays what the replacement costs more that is bought now, or else what one would."""
    row, minute = known.row, known.billable.ended_minute
    if minute is None:
        raise Conflict("state_forbids", f"the guest of contract {row['id']} has not failed", field="state")
    cheapest = known.cheapest_ask(row["instrument"])
    cut = endings.cut_at(connection, row["id"], minute)
    bought = known.replace(Undelivered(row, cut, cheapest))
    if bought is None or bought.contract is None:
        link = {} if bought is None or bought.not_replaced is None else {"not_replaced": bought.not_replaced}
        cost = _replacement_micros(known, cheapest)
    else:
        link, cost = {"replaced_by": bought.contract}, bought.extra_micros
    return endings.fail(connection, row["id"], minute, cost, known.at_micros), link


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
