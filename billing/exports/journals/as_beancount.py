"""The journal of beancount: every account opened before its first day, and every balance asserted on the day after the
last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import Connection

from billing.documents.printing import micros
from billing.exports.journals.chart import journal_account
from billing.exports.journals.reading import Booking, balances, bookings
from billing.exports.journals.texts import flushed, quoted

_OPENED = "1970-01-01"


def beancount_pieces(connection: Connection, currency: str) -> Iterator[bytes]:
    """UTF-8, piece by piece. `bean-check` holds for it."""
    return flushed(_lines(connection, currency))


def _lines(connection: Connection, currency: str) -> Iterator[str]:
    yield f'option "operating_currency" "{currency}"\n\n'
    for account, _ in balances(connection):
        yield f"{_OPENED} open {journal_account(account)} {currency}\n"
    last = _OPENED
    for booking in bookings(connection):
        yield _booking(booking, currency)
        last = booking.day
    after = (date.fromisoformat(last) + timedelta(days=1)).isoformat()
    yield "\n"
    for account, balance in balances(connection):
        # Said to be exact: by itself, beancount lets a balance be off by a part of the last digit.
        yield f"{after} balance {journal_account(account)}  {micros(-balance)} ~ 0 {currency}\n"


def _booking(booking: Booking, currency: str) -> str:
    lines = [f"\n{booking.day} * {quoted(booking.kind)}\n", f"  key: {quoted(booking.key)}\n"]
    for posting in booking.postings:
        lines.append(f"  {journal_account(posting.account)}  {micros(-posting.amount_micros)} {currency}\n")
        if posting.reference:
            lines.append(f"    for: {quoted(posting.reference)}\n")
    return "".join(lines)
