"""A statement of account as a file: what each account held before, every posting, and what it holds after."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from billing.chart import PARTICIPANT_KINDS
from billing.documents.printing import issued_at, micros
from billing.exports.dataset import Dataset
from billing.statements import Span, all_entries, balances_at
from billing.transfers import account
from common.minutes import MICROS_PER_MINUTE, month_window

HEADER = ("at", "account", "kind", "amount", "balance", "reference", "transfer")
OPENING = "opening"
CLOSING = "closing"


def statement(connection: Connection, participant_id: str, month: str) -> Dataset:
    """The month by market time, UTC. Amounts have six decimals. Raises InvalidInput for no month."""
    window = month_window(month)
    span = Span(window.start * MICROS_PER_MINUTE, window.end * MICROS_PER_MINUTE)
    return Dataset(HEADER, _rows(connection, participant_id, span))


def _rows(connection: Connection, participant_id: str, span: Span) -> Iterator[tuple[str, ...]]:
    before = balances_at(connection, participant_id, span.from_micros)
    kinds = {account(participant_id, kind): kind for kind in PARTICIPANT_KINDS}
    held = {one: before.get(kind, 0) for one, kind in kinds.items()}
    for one, kind in kinds.items():
        yield issued_at(span.from_micros), kind, OPENING, micros(0), micros(held[one]), "", ""
    for entry in all_entries(connection, participant_id, span):
        held[entry.account] += entry.amount_micros
        at, amount, balance = issued_at(entry.at_micros), micros(entry.amount_micros), micros(held[entry.account])
        reference = entry.reference or ""
        yield at, kinds[entry.account], entry.transfer_kind, amount, balance, reference, entry.transfer_key
    for one, kind in kinds.items():
        yield issued_at(span.until_micros), kind, CLOSING, micros(0), micros(held[one]), "", ""
