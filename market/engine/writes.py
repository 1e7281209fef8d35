"""Effects to rows: what one batch writes, inside the engine's transaction, after its fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from billing import contracts as billing_contracts
from billing import ledger
from common import codec
from market.contract_states import SCHEDULED
from market.desired_state import allocation_message
from market.engine.effects import Effects
from market.engine.records import MUTABLE_COLUMNS, ContractRecord, OrderRecord, trade_row
from market.tables import contract, journal, orders, trade
from matching.journal import JournalBlock, encode_block
from runtime import feed, outbox

FIRST_REVISION = 1


def write(connection: Connection, block: JournalBlock, effects: Effects) -> None:
    """The journal block, then everything that follows from it. Locks accounts in id order, the feed's head last.

    Raises billing.ledger.FloorBroken when somebody else has spent the cash that the batch counted on.
    """
    billed = [record.billed for record in effects.contracts]
    at_micros = block.entries[-1].at_micros
    reservations = {owner: change for owner, change in effects.reservations.items() if change}
    ledger.post(connection, billing_contracts.trade_transfers(billed, at_micros), reservations)
    connection.execute(insert(journal), [_journal_row(block)])
    _write_orders(connection, effects)
    _insert(connection, trade, [trade_row(*executed) for executed in effects.trades])
    contracts = [_contract_row(record) for record in effects.contracts]
    _insert(connection, contract, contracts)
    billing_contracts.record(connection, billed)
    outbox.put(connection, [allocation_message(row) for row in contracts])
    feed.append(connection, f"engine.{block.shard}", effects.events)


def _write_orders(connection: Connection, effects: Effects) -> None:
    _insert(connection, orders, [_full_row(record) for record in effects.entered.values()])
    if effects.changed:
        statement = update(orders).where(orders.c.id == bindparam("order_id"))
        statement = statement.values({column: bindparam(f"new_{column}") for column in MUTABLE_COLUMNS})
        connection.execute(statement, [_changes(record) for record in effects.changed.values()])


def _insert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _full_row(record: OrderRecord) -> dict[str, Any]:
    """Every column, so that bids and asks go into one statement."""
    return dict.fromkeys(column.name for column in orders.columns) | record.row()


def _changes(record: OrderRecord) -> dict[str, Any]:
    row = _full_row(record)
    return {"order_id": record.id} | {f"new_{column}": row[column] for column in MUTABLE_COLUMNS}


def _journal_row(block: JournalBlock) -> dict[str, Any]:
    return {
        "shard": block.shard,
        "sequence": block.first_sequence,
        "commands": len(block.entries),
        "at_micros": block.entries[-1].at_micros,
        "block": encode_block(block),
    }


def _contract_row(record: ContractRecord) -> dict[str, Any]:
    billed, stamp = record.billed, record.stamp
    return {
        "id": billed.contract_id,
        "shard": stamp.shard,
        "sequence": stamp.sequence,
        "ordinal": record.trade_ordinal,
        "instrument": billed.instrument,
        "kind": billed.kind,
        "bid_order_id": record.bid_order,
        "ask_order_id": record.ask_order,
        "buyer_id": billed.buyer_id,
        "provider_id": billed.provider_id,
        "node_id": billed.node_id,
        "start_minute": billed.start_minute,
        "end_minute": billed.end_minute,
        "slices": billed.slices,
        "price_micros": billed.price_micros,
        "state": SCHEDULED,
        "want": "run",
        "revision": FIRST_REVISION,
        "guest": codec.to_json(record.guest),
        "created_at_micros": stamp.at_micros,
        "updated_at_micros": stamp.at_micros,
    }
