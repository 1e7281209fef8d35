"""Effects to rows: what one batch writes, inside the engine's transaction, after its fence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, text
from sqlalchemy.dialects.postgresql import JSONB

from billing import contracts as billing_contracts
from billing import ledger
from common import codec
from market.contract_states import SCHEDULED
from market.desired_state import allocation_message
from market.engine.effects import Effects
from market.engine.records import MUTABLE_COLUMNS, ContractRecord
from market.engine.trade_rows import trade_row
from market.tables import contract, journal, orders, trade
from matching.journal import JournalBlock, encode_block
from runtime import feed, outbox, quick_json
from runtime.bulk import put_rows
from runtime.driver import Pipe

FIRST_REVISION = 1

_NO_COLUMNS: dict[str, Any] = dict.fromkeys(column.name for column in orders.columns)
"""Bids and asks go into one statement, with every column."""


def _array(column: str) -> str:
    return f"CAST(:{column} AS {'text' if isinstance(orders.c[column].type, Text | JSONB) else 'bigint'}[])"


def _value(column: str) -> str:
    return f"CAST(change.{column} AS jsonb)" if isinstance(orders.c[column].type, JSONB) else f"change.{column}"


_COLUMNS = ", ".join(MUTABLE_COLUMNS)
_SET = ", ".join(f"{column} = {_value(column)}" for column in MUTABLE_COLUMNS)
_ARRAYS = ", ".join(_array(column) for column in ("id", *MUTABLE_COLUMNS))
_CHANGE_ORDERS = text(
    f"UPDATE orders SET {_SET} FROM unnest({_ARRAYS}) AS change (id, {_COLUMNS}) WHERE orders.id = change.id"  # noqa: S608  # names of our own columns
)


def write(pipe: Pipe, block: JournalBlock, effects: Effects) -> None:
    """The journal block and everything that follows from it, behind what waits in the pipe. Locks accounts in id
    order, the feed's head last.

    Raises billing.ledger.FloorBroken when somebody else has spent the cash that the batch counted on.
    """
    billed = [record.billed for record in effects.contracts]
    at_micros = block.entries[-1].at_micros
    reservations = {owner: change for owner, change in effects.reservations.items() if change}
    ledger.put_posting(pipe, billing_contracts.trade_transfers(billed, at_micros), reservations)
    put_rows(pipe, journal, [_journal_row(block)])
    _put_orders(pipe, effects)
    put_rows(pipe, trade, [trade_row(*executed) for executed in effects.trades])
    contracts = [_contract_row(record) for record in effects.contracts]
    put_rows(pipe, contract, contracts)
    billing_contracts.put_contracts(pipe, billed)
    outbox.put_messages(pipe, [allocation_message(row) for row in contracts if row["grows"] is None])
    feed.put_events(pipe, f"engine.{block.shard}", effects.events)
    pipe.send()


def _put_orders(pipe: Pipe, effects: Effects) -> None:
    if effects.changed:
        rows = [_with_remaining_as_text(record.row()) for record in effects.changed.values()]
        pipe.put(_CHANGE_ORDERS, {name: [row.get(name) for row in rows] for name in ("id", *MUTABLE_COLUMNS)})
    put_rows(pipe, orders, [_NO_COLUMNS | record.row() for record in effects.entered.values()])


def _with_remaining_as_text(row: dict[str, Any]) -> dict[str, Any]:
    remaining = row.get("remaining")
    return row if remaining is None else row | {"remaining": quick_json.text(remaining)}


def _journal_row(block: JournalBlock) -> dict[str, Any]:
    return {
        "shard": block.shard,
        "sequence": block.first_sequence,
        "commands": len(block.entries),
        "at_micros": block.entries[-1].at_micros,
        "block": encode_block(block, quick_json.encode_sorted),
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
        "ended_minute": None,
        "slices": billed.slices,
        "price_micros": billed.price_micros,
        "state": SCHEDULED,
        "want": "run",
        "revision": FIRST_REVISION,
        "guest": codec.to_json(record.guest),
        "replaces": record.replaces,
        "resold_from": record.resold_from,
        "grows": record.grows,
        "created_at_micros": stamp.at_micros,
        "updated_at_micros": stamp.at_micros,
    }
