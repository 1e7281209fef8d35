"""What an engine wrote, batch by batch, as bytes for COPY; and writing it again without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

_TABLES = {
    "orders": "sequence >= {first} AND sequence < {next}",
    "journal": "sequence = {first}",
    "trade": "sequence >= {first} AND sequence < {next}",
    "contract": "sequence >= {first} AND sequence < {next}",
    "billable_contract": ("contract_id IN (SELECT id FROM contract WHERE sequence >= {first} AND sequence < {next})"),
    "outbox": ("id IN (SELECT id || ':1' FROM contract WHERE sequence >= {first} AND sequence < {next})"),
    "ledger_transfer": ("key IN (SELECT 'trade:' || id FROM contract WHERE sequence >= {first} AND sequence < {next})"),
    "ledger_entry": ("reference IN (SELECT id FROM contract WHERE sequence >= {first} AND sequence < {next})"),
    "feed": "at_micros = {at_micros}",
}
"""The tables in the order in which their rows refer to each other, and which rows are of a batch."""


@dataclass(frozen=True, slots=True)
class BatchRows:
    """The rows of one batch: (table, bytes) where there are any, `orders` first; the touched accounts and orders."""

    sequence: int
    rows: Sequence[tuple[str, bytes]]
    accounts: tuple[str, ...] = ()
    changed_orders: tuple[str, ...] = ()


def rows_of(url: str, shard: str) -> list[BatchRows]:
    """Everything that the shard's engine has written, as it stands now, in the batches in which it was entered."""
    with psycopg.connect(url) as connection:
        connection.execute("SET enable_seqscan = on")
        query = "SELECT sequence, commands, at_micros FROM journal WHERE shard = %s ORDER BY sequence"
        blocks = connection.execute(query, [shard]).fetchall()
        return [_batch(connection, first, first + commands, at_micros) for first, commands, at_micros in blocks]


def copy_batches(connection: psycopg.Connection, batches: Sequence[BatchRows]) -> None:
    """Each batch in a transaction: the rows by COPY, and with the journal also what the engine counts up."""
    for batch in batches:
        with connection.transaction():
            for table, data in batch.rows:
                statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                with connection.cursor().copy(statement) as copy:
                    copy.write(data)
            if batch.accounts:
                _count(connection, batch)


def _count(connection: psycopg.Connection, batch: BatchRows) -> None:
    connection.execute("UPDATE lease SET next_sequence = %s", [batch.sequence])
    connection.execute("UPDATE feed_head SET next_position = next_position + 1")
    connection.execute(
        "UPDATE ledger_account SET reserved_micros = reserved_micros + 1 WHERE id = ANY(%s)", [list(batch.accounts)]
    )
    if batch.changed_orders:
        connection.execute("UPDATE orders SET reserved_micros = 0 WHERE id = ANY(%s)", [list(batch.changed_orders)])


def _batch(connection: psycopg.Connection, first: int, following: int, at_micros: int) -> BatchRows:
    rows = []
    values = {"first": first, "next": following, "at_micros": at_micros}
    for table, condition in _TABLES.items():
        query = f"COPY (SELECT * FROM {table} WHERE {condition.format(**values)}) TO STDOUT"  # noqa: S608  # our own words and numbers
        with connection.cursor().copy(query) as copy:
            data = b"".join(bytes(part) for part in copy)
        if data:
            rows.append((table, data))
    accounts = connection.execute(
        "SELECT DISTINCT participant_id || '/cash' FROM orders WHERE updated_at_micros = %s", [at_micros]
    )
    changed = connection.execute(
        "SELECT id FROM orders WHERE updated_at_micros = %s AND sequence < %s", [at_micros, first]
    )
    return BatchRows(first, rows, tuple(name for (name,) in accounts), tuple(order for (order,) in changed))
