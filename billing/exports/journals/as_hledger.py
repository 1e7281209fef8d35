"""The journal of hledger, strict: accounts and commodity are declared, and every balance is asserted at the end."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from billing.documents.printing import micros
from billing.exports.journals.chart import journal_account
from billing.exports.journals.reading import Booking, balances, bookings
from billing.exports.journals.texts import flushed


def hledger_pieces(connection: Connection, currency: str) -> Iterator[bytes]:
    """UTF-8, piece by piece. `hledger check --strict ordereddates` holds for it."""
    return flushed(_lines(connection, currency))


def _lines(connection: Connection, currency: str) -> Iterator[str]:
    yield f"commodity 1000.000000 {currency}\n\n"
    for account, _ in balances(connection):
        yield f"account {journal_account(account)}\n"
    last = "1970-01-01"
    for booking in bookings(connection):
        yield _booking(booking, currency)
        last = booking.day
    yield f"\n{last} * closing balances\n"
    for account, balance in balances(connection):
        yield f"    {journal_account(account)}  0 {currency} = {micros(-balance)} {currency}\n"


def _booking(booking: Booking, currency: str) -> str:
    lines = [f"\n{booking.day} * ({booking.key}) {booking.kind}\n"]
    for posting in booking.postings:
        comment = f"  ; for:{posting.reference}" if posting.reference else ""
        lines.append(f"    {journal_account(posting.account)}  {micros(-posting.amount_micros)} {currency}{comment}\n")
    return "".join(lines)
