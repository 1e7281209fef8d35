"""The books check, in a sentence."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from market import books_check
from market.books_check import differences


def first_difference(database: Engine) -> str | None:
    """A sentence that names the first invariant that does not hold, or None when the books are right.

    The check reads one moment of a market that may be running, and changes nothing.
    """
    found = differences(database)
    return str(found[0]) if found else None


def reserved_cash(connection: Connection) -> str | None:
    """A sentence that names the first participant whose reserved cash is not what its open orders bind, or None."""
    found = books_check.reserved_cash(connection)
    return str(found[0]) if found else None
