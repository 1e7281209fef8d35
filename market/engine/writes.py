"""Effects to rows: what one batch writes, inside the engine's transaction, after its fence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Text, text

from billing import contracts as billing_contracts
from billing import ledger
from common import codec
from market.contract_states import SCHEDULED
from market.desired_state import allocation_message
from market.engine.effects import Effects
from market.engine.records import MUTABLE_COLUMNS, ContractRecord, trade_row
from market.tables import contract, journal, orders, trade
from matching.journal import JournalBlock, encode_block
from runtime import feed, outbox
from runtime.bulk import insert_rows

FIRST_REVISION = 1

_NO_COLUMNS: dict[str, Any] = dict.fromkeys(column.name for column in orders.columns)
"""Bids and asks go into one statement, with every column."""


def _array(column: str) -> str:
    return f"CAST(:{column} AS {'text' if isinstance(orders.c[column].type, Text) else 'bigint'}[])"


_CHANGE_ORDERS = text(f"""
    UPDATE orders SET {", ".join(f"{column} = change.{column}" for column in MUTABLE_COLUMNS)}
    FROM unnest({", ".join(_array(column) for column in ("id", *MUTABLE_COLUMNS))})
        AS change (id, {", ".join(MUTABLE_COLUMNS)})
    WHERE orders.id = change.id
""")  # noqa: S608  # names of our own columns


def write(connection: Connection, block: JournalBlock, effects: Effects) -> None:
    """The journal block, then everything that follows from it. Locks accounts in id order, the feed's head last.

    Raises billing.ledger.FloorBroken when somebody else has spent the cash that the batch counted on.
    """
    billed = [record.billed for record in effects.contracts]
    at_micros = block.entries[-1].at_micros
    reservations = {owner: change for owner, change in effects.reservations.items() if change}
    ledger.post(connection, billing_contracts.trade_transfers(billed, at_micros), reservations)
    insert_rows(connection, journal, [_journal_row(block)])
    _write_orders(connection, effects)
    insert_rows(connection, trade, [trade_row(*executed) for executed in effects.trades])
    contracts = [_contract_row(record) for record in effects.contracts]
    insert_rows(connection, contract, contracts)
    billing_contracts.record(connection, billed)
    outbox.put(connection, [allocation_message(row) for row in contracts])
    feed.append(connection, f"engine.{block.shard}", effects.events)


def _write_orders(connection: Connection, effects: Effects) -> None:
    insert_rows(connection, orders, [_NO_COLUMNS | record.row() for record in effects.entered.values()])
    if effects.changed:
        rows = [record.row() for record in effects.changed.values()]
        connection.execute(_CHANGE_ORDERS, {name: [row.get(name) for row in rows] for name in ("id", *MUTABLE_COLUMNS)})


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
