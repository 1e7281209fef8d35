"""Statements of account: entries in the order of posting, and balances as of any past moment.

A posting belongs to the market time that stands on its transfer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, tuple_

from billing.chart import MARKET_KINDS, PARTICIPANT_KINDS
from billing.tables import ledger_account, ledger_entry, ledger_transfer
from billing.transfers import MARKET, account
from runtime.arrays import among

_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """An entry of an account, with the transfer that it is part of. (`transfer_id`, `ordinal`) is the cursor."""

    transfer_id: int
    ordinal: int
    account: str
    amount_micros: int
    reference: str | None
    transfer_kind: str
    transfer_key: str
    at_micros: int


@dataclass(frozen=True, slots=True)
class Span:
    """Market time from `from_micros` up to, not including, `until_micros`."""

    from_micros: int
    until_micros: int


def entries(
    connection: Connection, owner: str, after: tuple[int, int], limit: int, span: Span | None = None
) -> list[StatementEntry]:
    """Up to `limit` entries of the owner's accounts, in the order of posting, that follow the cursor `after`; with a
    `span`, those that were posted in it."""
    query = (
        select(ledger_entry, ledger_transfer.c.kind, ledger_transfer.c.key, ledger_transfer.c.at_micros)
        .join(ledger_transfer, ledger_transfer.c.id == ledger_entry.c.transfer_id)
        .where(
            among(ledger_entry.c.account_id, _accounts(owner)),
            tuple_(ledger_entry.c.transfer_id, ledger_entry.c.ordinal) > tuple_(*after),
        )
        .order_by(ledger_entry.c.transfer_id, ledger_entry.c.ordinal)
        .limit(limit)
    )
    if span is not None:
        at = ledger_transfer.c.at_micros
        query = query.where(at >= span.from_micros, at < span.until_micros)
    return [
        StatementEntry(
            transfer_id=row.transfer_id,
            ordinal=row.ordinal,
            account=row.account_id,
            amount_micros=row.amount_micros,
            reference=row.reference,
            transfer_kind=row.kind,
            transfer_key=row.key,
            at_micros=row.at_micros,
        )
        for row in connection.execute(query)
    ]


def all_entries(connection: Connection, owner: str, span: Span) -> Iterator[StatementEntry]:
    """Every entry of the owner's accounts that was posted in the span, as `entries` pages through them."""
    after = (0, 0)
    while page := entries(connection, owner, after, _PAGE, span):
        yield from page
        after = page[-1].transfer_id, page[-1].ordinal


def balances_at(connection: Connection, owner: str, before_micros: int) -> dict[str, int]:
    """Balance in micro-units of each of the owner's accounts, by kind, after everything that was posted before this
    moment; empty for somebody unknown."""
    entry, transfer, owned = ledger_entry.c, ledger_transfer.c, ledger_account.c
    sums = (
        select(entry.account_id, func.sum(entry.amount_micros).label("micros"))
        .join(ledger_transfer, transfer.id == entry.transfer_id)
        .where(among(entry.account_id, _accounts(owner)), transfer.at_micros < before_micros)
        .group_by(entry.account_id)
        .subquery()
    )
    query = select(owned.kind, func.coalesce(sums.c.micros, 0)).outerjoin(sums, sums.c.account_id == owned.id)
    return {kind: int(micros) for kind, micros in connection.execute(query.where(owned.owner == owner))}


def _accounts(owner: str) -> list[str]:
    return [account(owner, kind) for kind in (MARKET_KINDS if owner == MARKET else PARTICIPANT_KINDS)]
