"""The rows of the tables, page by page, beside what the journal makes of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from sqlalchemy import Column, ColumnElement, Connection, Table, false, func, select

from billing.tables import billable_contract, ledger_entry, ledger_transfer
from common.wire import GuestState
from market.contract_states import (
    CONTRACT_STATES,
    ENDED,
    FAILED,
    PROVISIONING,
    RESOLD,
    RUNNING,
    SCHEDULED,
    STOPPED,
)
from market.desired_state import allocation_message
from market.tables import contract, orders, trade
from matching.auditor.difference import Difference, require
from nestex.audit.comparison import compare_count, compare_rows
from nestex.audit.contracts import Birth, Ending
from nestex.audit.history import Page
from nestex.audit.orders import Row
from runtime.arrays import among
from runtime.tables import feed, feed_head, outbox

_TRADE_KEY = "trade:"
_UNTOUCHED: Row = {"reason": None, "applied_revision": 0, "endpoints": [], "answers": []}
"""Columns of a contract of which no agent has reported anything, and which nobody has ended."""
_ENDING = billable_contract.c.ending
_IN_BOTH = contract.join(billable_contract, billable_contract.c.contract_id == contract.c.id)
_UNASKED: Row = {"want": "run", "revision": 1, "rescaled": None, "extras": {}}
"""The same, where its buyer has not asked anything of its guest."""
_OF_A_GUEST = {PROVISIONING, RUNNING, STOPPED}
"""States that only a report of the guest leads to."""


class ShardTables:
    """Compares a shard's rows, in the transaction of the connection, and counts what it has seen."""

    def __init__(self, connection: Connection, shard: str) -> None:
        self.shard = shard
        self.seen: Counter[str] = Counter()
        self._connection = connection
        self._stream = f"engine.{shard}"

    def compare(self, page: Page) -> None:
        """Raises Difference at the first row of the page that is not as it must be."""
        of_shard, of_stream = trade.c.shard == self.shard, feed.c.stream == self._stream
        self._compare(trade, ("sequence", "ordinal"), page.trades, of_shard & _span(trade.c.sequence, page.trades))
        self.compare_orders(page.orders)
        self._compare_births(page.births)
        self._compare_endings(page.endings)
        self._compare(feed, ("position",), page.events, of_stream & _span(feed.c.position, page.events))

    def compare_orders(self, rows: Sequence[Row]) -> None:
        """Raises Difference. Open orders come here last, when the journal has ended."""
        self._compare(orders, ("id",), rows, among(orders.c.id, [row["id"] for row in rows]))

    def compare_totals(self, events: int) -> None:
        """Raises Difference when a table has rows of this shard that the journal did not make."""
        for table in (orders, trade, contract):
            found = self._count(table, table.c.shard)
            compare_count(table.name, self.seen[table.name], found)
        compare_count(feed.name, events, self._count(feed, feed.c.stream, self._stream))
        head = select(feed_head.c.next_position).where(feed_head.c.stream == self._stream)
        following = self._connection.execute(head).scalar_one_or_none() or 1
        require(following == events + 1, f"feed_head {self._stream}: next_position is {following}, not {events + 1}")

    def compare_endings(self, ended: int) -> None:
        """Raises Difference when contracts ended early of which the journal knows nothing. One whose guest has failed
        waits for the engine for a moment."""
        state, until = contract.c.state, billable_contract.c.ended_minute
        told = _ENDING.is_not(None) | (until.is_not(None) & (state != FAILED))
        ends = {"contract": state.in_(ENDED) & ((state != FAILED) | _ENDING.is_not(None)), "billable_contract": told}
        for name, has_ended in ends.items():
            query = select(func.count()).select_from(_IN_BOTH).where(contract.c.shard == self.shard, has_ended)
            compare_count(f"{name} that ended early", ended, int(self._connection.execute(query).scalar_one()))

    def compare_resales(self, rows: Sequence[Row]) -> None:
        """Raises Difference when contracts were resold, or given back, otherwise than the journal tells."""
        touched = contract.c.resold_to.is_not(None) | contract.c.resumed_minute.is_not(None)
        ids = [row["id"] for row in rows]
        query = select(contract).where(contract.c.shard == self.shard, touched | among(contract.c.id, ids))
        compare_rows("contract", ("id",), rows, self._connection.execute(query).mappings())

    def _count(self, table: Table, column: Column[Any], value: str | None = None) -> int:
        query = select(func.count()).select_from(table).where(column == (value or self.shard))
        return int(self._connection.execute(query).scalar_one())

    def _compare(self, table: Table, key: Sequence[str], rows: Sequence[Row], where: ColumnElement[bool]) -> None:
        if rows:
            compare_rows(table.name, key, rows, self._connection.execute(select(table).where(where)).mappings())
            self.seen[table.name] += len(rows)

    def _compare_births(self, made: Sequence[Birth]) -> None:
        if not made:
            return
        ids = [birth.id for birth in made]
        rows = self._connection.execute(select(contract).where(among(contract.c.id, ids))).mappings().all()
        compare_rows("contract", ("id",), [birth.contract for birth in made], rows)
        for row in rows:
            _check_progress(row)
        self._compare_wishes([row for row in rows if row["state"] == SCHEDULED and row["guest_state"] is None])
        self.seen["contract"] += len(made)
        billables, key = [birth.billable for birth in made], billable_contract.c.contract_id
        self._compare(billable_contract, (key.name,), billables, among(key, ids))
        self._compare_transfers(made)
        self._compare_messages(made)

    def _compare_endings(self, made: Sequence[Ending]) -> None:
        if not made:
            return
        ids = [ending.id for ending in made]
        rows = self._connection.execute(select(contract).where(among(contract.c.id, ids))).mappings()
        compare_rows("contract", ("id",), [ending.contract for ending in made], rows)
        key = billable_contract.c.contract_id
        booked = self._connection.execute(select(billable_contract).where(among(key, ids))).mappings()
        compare_rows("billable_contract", (key.name,), [ending.billable for ending in made], booked)

    def _compare_transfers(self, made: Sequence[Birth]) -> None:
        keys = {_TRADE_KEY + birth.id: birth for birth in made}
        query = (
            select(ledger_transfer.c.key, ledger_transfer.c.kind, ledger_transfer.c.at_micros, ledger_entry)
            .join(ledger_entry, ledger_entry.c.transfer_id == ledger_transfer.c.id)
            .where(among(ledger_transfer.c.key, keys))
        )
        expected = [row for key, birth in keys.items() for row in _entry_rows(key, birth)]
        compare_rows("ledger_entry", ("key", "ordinal"), expected, self._connection.execute(query).mappings())

    def _compare_wishes(self, rows: Sequence[Mapping[Any, Any]]) -> None:
        """What the buyer of a contract that waits has asked of its guest was sent to the agent, and nothing else."""
        messages = {row["id"]: allocation_message(row) for row in rows if row["revision"] != 1}
        query = select(outbox).where(among(outbox.c.id, [message.id for message in messages.values()]))
        sent = {row["id"]: _parsed(row) for row in self._connection.execute(query).mappings()}
        for name, message in messages.items():
            same = sent.get(message.id) == json.loads(message.payload)
            require(same, f"contract {name}: its revision was not sent to its agent as outbox {message.id}")

    def _compare_messages(self, made: Sequence[Birth]) -> None:
        messages = [birth.message for birth in made if birth.contract["grows"] is None]
        query = select(outbox).where(among(outbox.c.id, [message["id"] for message in messages]))
        found = [dict(row) | {"payload": _parsed(row)} for row in self._connection.execute(query).mappings()]
        compare_rows("outbox", ("id",), messages, found)


def compare_strangers(connection: Connection) -> None:
    """Raises Difference at rows that belong to no contract of any shard."""
    known = select(contract.c.id)
    query = select(billable_contract.c.contract_id).where(billable_contract.c.contract_id.not_in(known)).limit(1)
    for (stranger,) in connection.execute(query):
        raise Difference(f"billable_contract {stranger} belongs to no contract")
    of_no_trade = func.substr(ledger_transfer.c.key, len(_TRADE_KEY) + 1).not_in(known)
    transfers = select(ledger_transfer.c.key).where(ledger_transfer.c.kind == "trade", of_no_trade).limit(1)
    for (stranger,) in connection.execute(transfers):
        raise Difference(f"ledger_transfer {stranger} belongs to no contract")


def _span(column: Column[Any], rows: Sequence[Row]) -> ColumnElement[bool]:
    """From the first of the rows to the last, so that a row between them that must not be there is found."""
    return column.between(rows[0][column.name], rows[-1][column.name]) if rows else false()


def _entry_rows(key: str, birth: Birth) -> list[Row]:
    transfer = {"key": key, "kind": "trade", "at_micros": birth.contract["created_at_micros"]}
    return [
        transfer | {"ordinal": ordinal, "account_id": account, "amount_micros": amount, "reference": birth.id}
        for ordinal, (account, amount) in enumerate(birth.entries)
    ]


def _parsed(row: Mapping[Any, Any]) -> Any:
    try:
        return {"generation": 0} | json.loads(bytes(row["payload"]))  # which older versions left out
    except (ValueError, TypeError) as error:
        raise Difference(f"outbox {row['id']} has a payload that is no JSON object") from error


def _check_progress(row: Mapping[Any, Any]) -> None:
    """A contract is in a state that it can be in, given whether its guest was ever reported of; one that is scheduled,
    and of whose guest nothing was reported, is as it was born."""
    state, guest = row["state"], row["guest_state"]
    ended = row["ended_minute"] is not None
    must = state in (*ENDED, RESOLD) or row["resold_to"] is not None
    require(state == FAILED or ended == must, f"contract {row['id']}: state is {state}, ended: {ended}")
    linked = row["replaced_by"] or row["not_replaced"]
    require(state == FAILED or linked is None, f"contract {row['id']}: state is {state}, and it tells {linked}")
    reported = guest is not None
    require((row["guest_state_at_ms"] > 0) == reported, f"contract {row['id']}: guest_state is {guest}, without a time")
    reachable = CONTRACT_STATES.rows.keys() - (set() if reported else _OF_A_GUEST)
    require(state in reachable, f"contract {row['id']}: state is {state}, guest_state {guest}")
    require(not reported or guest in get_args(GuestState), f"contract {row['id']}: guest_state is {guest}")
    if state == SCHEDULED and not reported:
        born = _UNTOUCHED | {"ready_at_micros": None, "guest_state_at_ms": 0}
        if row["revision"] == 1:
            born |= _UNASKED | {"updated_at_micros": row["created_at_micros"]}
        compare_rows("contract", ("id",), [{"id": row["id"]} | born], [row])
