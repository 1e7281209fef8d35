"""The books check of a whole market: billing's invariants, and those that join the books with orders and contracts.

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
SHARED_GUESTS = rule(
    "contracts that share a guest are delivered by it",
    """
    linked AS (
        SELECT id, resold_from AS contract_id, id AS by_contract_id FROM contract WHERE resold_from IS NOT NULL
        UNION ALL
        SELECT id, id, grows FROM contract WHERE grows IS NOT NULL
    ), wanted AS (
        SELECT linked.contract_id, by_contract_id, start_minute AS from_minute, ending,
            CASE WHEN ending = 'released' OR (ending IS NOT NULL AND linked.contract_id = id) THEN ended_minute
                ELSE end_minute END AS until_minute
        FROM linked JOIN billable_contract ON billable_contract.contract_id = id
    )
    """,
    """
    SELECT format('contract %s by %s from %s on: until %s, and as the contracts say until %s', contract_id,
        by_contract_id, from_minute, delivered_by.until_minute, wanted.until_minute)
    FROM delivered_by FULL JOIN wanted USING (contract_id, by_contract_id, from_minute)
    WHERE CASE
        WHEN wanted.until_minute IS NULL THEN true
        WHEN ending = 'busted' THEN false
        WHEN delivered_by.until_minute IS NULL THEN wanted.until_minute > from_minute
        ELSE wanted.until_minute <> delivered_by.until_minute
    END
    """,
)
"""What was resold is delivered by the guest of its rest, and what made a guest larger by that guest, until the contract
that was bought so ends; when a busted one did, the books do not tell."""

RULES = (*invariants.RULES, RESERVED_CASH, SHARED_GUESTS)


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
