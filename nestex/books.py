"""The books check: billing's invariants, and the one that joins the books with the market's open orders."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, select

from billing import invariants, ledger
from market.tables import orders


def first_difference(database: Engine) -> str | None:
    """A sentence that names the first invariant that does not hold, or None when the books are right.

    The check reads one moment of a market that may be running, and changes nothing.
    """
    with database.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        found = invariants.check(connection)
        return str(found[0]) if found else reserved_cash(connection)


def reserved_cash(connection: Connection) -> str | None:
    """A sentence that names the first participant whose reserved cash is not what its open orders bind, or None."""
    query = select(orders.c.participant_id, func.sum(orders.c.reserved_micros)).group_by(orders.c.participant_id)
    bound = {participant: int(amount) for participant, amount in connection.execute(query) if amount}
    reserved = {owner: amount for owner, amount in ledger.reserved_by_participant(connection).items() if amount}
    for participant in sorted(bound.keys() | reserved.keys()):
        orders_bind, books_say = bound.get(participant, 0), reserved.get(participant, 0)
        if orders_bind != books_say:
            return f"reserved cash: open orders of {participant} bind {orders_bind}, the books say {books_say}"
    return None
