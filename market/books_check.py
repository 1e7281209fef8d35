"""The books check of a whole market: billing's invariants, and the one that joins the books with the open orders.

Run by `nestex books check`, and every night by the worker.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from billing import invariants
from billing.invariants import Difference
from billing.invariants.rule import rule

RESERVED_CASH = rule(
    "reserved cash is what open orders bind",
    """
    bound AS (SELECT participant_id AS owner, sum(reserved_micros) AS micros FROM orders GROUP BY participant_id)
    """,
    """
    SELECT format('open orders of %s bind %s micros, the books say %s', owner, coalesce(micros, 0),
        coalesce(reserved_micros, 0))
    FROM (SELECT owner, reserved_micros FROM ledger_account WHERE kind = 'cash') AS cash FULL JOIN bound USING (owner)
    WHERE coalesce(micros, 0) <> coalesce(reserved_micros, 0)
    """,
)
RULES = (*invariants.RULES, RESERVED_CASH)


def differences(database: Engine) -> list[Difference]:
    """Everything that is wrong, as it was at one moment of a market that may be running; changes nothing."""
    reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with database.connect().execution_options(**reading) as connection:
        return invariants.check(connection, RULES)


def reserved_cash(connection: Connection) -> list[Difference]:
    """Where reserved cash is not what open orders bind."""
    return invariants.check(connection, (RESERVED_CASH,))


def counts(found: list[Difference]) -> dict[str, int]:
    """Rule -> how many differences it has, at most `invariants.LISTED`: the figures of a metric, zero where all is
    well."""
    figures = dict.fromkeys((each.name for each in RULES), 0)
    for difference in found:
        figures[difference.rule] += 1
    return figures
