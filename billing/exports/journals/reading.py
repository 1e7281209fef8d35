"""Transfers and balances, as both journals read them: in the order of market time, then of posting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, select, text

from billing.exports.snapshot import streamed
from billing.tables import ledger_account
from common.minutes import MICROS_PER_MINUTE, minute_start

_ENTRIES = text("""
    SELECT transfer.id, transfer.key, transfer.kind, transfer.at_micros,
        entry.account_id, entry.amount_micros, entry.reference
    FROM ledger_transfer AS transfer JOIN ledger_entry AS entry ON entry.transfer_id = transfer.id
    ORDER BY transfer.at_micros, transfer.id, entry.ordinal
""")


@dataclass(frozen=True, slots=True)
class Posting:
    """An entry. The amount has the ledger's sign."""

    account: str
    amount_micros: int
    reference: str | None


@dataclass(frozen=True, slots=True)
class Booking:
    """A transfer with its entries. `day` is the UTC day of market time."""

    day: str
    kind: str
    key: str
    postings: tuple[Posting, ...]


def bookings(connection: Connection) -> Iterator[Booking]:
    """Every transfer of the ledger."""
    for _, rows in groupby(streamed(connection, _ENTRIES), key=attrgetter("id")):
        entries = list(rows)
        first = entries[0]
        yield Booking(
            day_of(first.at_micros),
            first.kind,
            first.key,
            tuple(Posting(row.account_id, row.amount_micros, row.reference) for row in entries),
        )


def balances(connection: Connection) -> Iterator[tuple[str, int]]:
    """Account and balance, as the ledger keeps it beside the entries."""
    query = select(ledger_account.c.id, ledger_account.c.balance_micros).order_by(ledger_account.c.id)
    for row in streamed(connection, query):
        yield row.id, row.balance_micros


def day_of(at_micros: int) -> str:
    """YYYY-MM-DD."""
    return minute_start(at_micros // MICROS_PER_MINUTE).date().isoformat()
