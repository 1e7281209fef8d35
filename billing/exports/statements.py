"""A statement of account: what each of a participant's accounts held before, every posting, and what it holds after."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from billing.chart import PARTICIPANT_KINDS
from billing.documents.printing import issued_at, micros
from billing.exports.dataset import Dataset
from billing.exports.snapshot import streamed
from billing.transfers import account
from common.minutes import MICROS_PER_MINUTE, month_window

HEADER = ("at", "account", "kind", "amount", "balance", "reference", "transfer")
OPENING = "opening"
CLOSING = "closing"
_BEFORE = text("""
    SELECT entry.account_id, sum(entry.amount_micros) AS micros
    FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
    WHERE entry.account_id = ANY(CAST(:accounts AS text[])) AND transfer.at_micros < :start
    GROUP BY entry.account_id
""")
_ENTRIES = text("""
    SELECT entry.account_id, entry.amount_micros, entry.reference, transfer.kind, transfer.key, transfer.at_micros
    FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
    WHERE entry.account_id = ANY(CAST(:accounts AS text[]))
        AND transfer.at_micros >= :start AND transfer.at_micros < :end
    ORDER BY transfer.at_micros, transfer.id, entry.ordinal
""")


def statement(connection: Connection, participant_id: str, month: str) -> Dataset:
    """The month by market time, UTC. Amounts have six decimals. Raises InvalidInput for no month."""
    window = month_window(month)
    bounds = window.start * MICROS_PER_MINUTE, window.end * MICROS_PER_MINUTE
    return Dataset(HEADER, _rows(connection, participant_id, *bounds))


def _rows(connection: Connection, participant_id: str, start: int, end: int) -> Iterator[tuple[str, ...]]:
    accounts = [account(participant_id, kind) for kind in PARTICIPANT_KINDS]
    held = dict.fromkeys(accounts, 0)
    parameters = {"accounts": accounts, "start": start, "end": end}
    for row in connection.execute(_BEFORE, parameters):
        held[row.account_id] = int(row.micros)
    for one in accounts:
        yield issued_at(start), _kind(one), OPENING, micros(0), micros(held[one]), "", ""
    for row in streamed(connection, _ENTRIES, parameters):
        held[row.account_id] += row.amount_micros
        amount, balance = micros(row.amount_micros), micros(held[row.account_id])
        yield (issued_at(row.at_micros), _kind(row.account_id), row.kind, amount, balance, row.reference or "", row.key)
    for one in accounts:
        yield issued_at(end), _kind(one), CLOSING, micros(0), micros(held[one]), "", ""


def _kind(account_id: str) -> str:
    return account_id.rpartition("/")[2]
