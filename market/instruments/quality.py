"""How well an instrument is delivered, for everybody to see: what its providers owed, and what they did."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

_QUALITY = text("""
    WITH begun AS (
        SELECT billed.contract_id, billed.delivered_seconds, billed.ending, contract.ready_at_micros,
            contract.ready_at_micros IS NULL AND contract.resold_to IS NOT NULL AS is_never_due,
            CAST(billed.start_minute + billed.allowance_minutes AS bigint) AS deadline,
            least(:minute, CASE WHEN billed.ending IS DISTINCT FROM 'failed'
                THEN coalesce(billed.ended_minute, billed.end_minute) ELSE billed.end_minute END)
            - billed.start_minute AS owed_minutes
        FROM billable_contract AS billed JOIN contract ON contract.id = billed.contract_id
        WHERE billed.instrument = :instrument AND billed.start_minute BETWEEN :from_minute AND :minute - 1
            AND billed.ending IS DISTINCT FROM 'busted' AND contract.resold_from IS NULL
    )
    SELECT count(*) AS contracts,
        CAST(coalesce(sum(owed_minutes), 0) AS bigint) AS contracted_minutes,
        CAST(coalesce(div(sum(delivered_seconds), 60), 0) AS bigint) AS delivered_minutes,
        count(*) FILTER (WHERE owed_minutes > 0 AND deadline < :minute AND NOT is_never_due) AS due,
        count(*) FILTER (WHERE owed_minutes > 0 AND deadline < :minute
            AND ready_at_micros / 60000000 <= deadline) AS ready_on_time,
        count(*) FILTER (WHERE ending = 'failed') AS failed
    FROM begun
""")


@dataclass(frozen=True, slots=True)
class Quality:
    """Contracts that began in a span of market time, one guest each; with what its buyer sold on of one, as one.

    contracted_minutes: of their windows, those that have passed, without what a buyer gave back or a provider took back
    by the rules; a failure owes the rest of its window. delivered_minutes: of these, as reported, in whole minutes.
    due: contracts whose delivery deadline has passed, but for those whose own guest was never to be.
    ready_on_time: those of them whose guest was ready until then.
    failed: contracts that ended because the provider did not deliver.
    """

    contracts: int
    contracted_minutes: int
    delivered_minutes: int
    due: int
    ready_on_time: int
    failed: int


def quality(connection: Connection, instrument: str, from_minute: int, minute: int) -> Quality:
    """Of the contracts that began from `from_minute` on, as of the beginning of `minute`."""
    span = {"instrument": instrument, "from_minute": from_minute, "minute": minute}
    return Quality(**connection.execute(_QUALITY, span).one()._mapping)
