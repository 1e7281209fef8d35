"""How reliably providers deliver: a score that bids can demand, made of contracts whose figures are final.

Of what a provider owed within the last days it is the share that it delivered, in parts per million. A guest that was
ready by its deadline is forgiven the minutes until then; a failed contract owes its whole window; what buyers released,
or providers reclaimed by the rules, owes nothing from there on; busts do not count. What buyers sold on is delivered by
the first provider, and counts once, for that one.

Nobody buys a score cheaply: only contracts that pay a fee count, none with oneself, of each buyer so many slice-minutes
at most, and the first ones of all count as not delivered. A slice-minute that cost less than is usual counts for as
much less, or trades with a friend at the lowest price, whose fee is next to nothing, would make a record. Usual is the
price at or below which half of all the money of these days was paid: cheap trades do not lower it, and however dear
others are, to raise it takes the fee on as much money as everybody else's trades. Source: the design's market rules,
"Delivery and billing".
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from common.minutes import MINUTES_PER_DAY

DAYS = 30
"""Older contracts are forgotten."""
MOST_OF_A_BUYER = 6_000
"""Slice-minutes of one buyer that count at most, at the usual price."""
UNPROVED = 600
"""Slice-minutes that everybody begins with, not delivered: a short record is a low score."""

_UPDATE = text("""
    WITH contracts AS (
        SELECT billed.provider_id, billed.buyer_id, slices, CAST(price_micros AS numeric) AS price,
            billed_minutes - credited_minutes AS billed,
            CASE WHEN ending = 'failed' THEN billed.end_minute ELSE coalesce(billed.ended_minute, billed.end_minute) END
                - billed.start_minute AS owed,
            CASE WHEN ready_at_micros / 60000000 <= billed.start_minute + allowance_minutes
                THEN allowance_minutes ELSE 0 END AS forgiven
        FROM billable_contract AS billed
        JOIN (SELECT id, ready_at_micros FROM contract WHERE resold_from IS NULL) AS guest ON id = contract_id
        WHERE billed.state = 'closed' AND billed.start_minute >= :since AND fee_ppm > 0
            AND ending IS DISTINCT FROM 'busted' AND billed.buyer_id <> billed.provider_id
    ), prices AS (
        SELECT price, sum(price * slices * billed) AS paid FROM contracts GROUP BY price
    ), paid_up_to AS (
        SELECT price, sum(paid) OVER (ORDER BY price) AS paid, sum(paid) OVER () AS paid_by_all FROM prices
    ), market AS (
        SELECT min(price) AS usual FROM paid_up_to WHERE 2 * paid >= paid_by_all AND paid_by_all > 0
    ), weighed AS (
        SELECT contracts.*, slices * coalesce(least(price, usual) / usual, 1) AS weight FROM contracts, market
    ), of_buyers AS (
        SELECT provider_id, sum(weight * owed) AS owed, sum(weight * least(owed, billed + forgiven)) AS delivered
        FROM weighed WHERE owed > 0 GROUP BY provider_id, buyer_id
    ), scores AS (
        SELECT provider_id, div(
            1000000 * sum(div(delivered * least(owed, :most), owed)), sum(least(owed, :most)) + :unproved
        ) AS ppm
        FROM of_buyers GROUP BY provider_id
    )
    UPDATE participant SET reliability_ppm = coalesce(ppm, 0)
    FROM participant AS provider LEFT JOIN scores ON provider_id = provider.id
    WHERE participant.id = provider.id AND provider.is_provider
        AND participant.reliability_ppm <> coalesce(ppm, 0)
""")


def score_providers(connection: Connection, minute: int) -> int:
    """Bring every provider's score up to date, as of this minute; how many have changed."""
    since = minute - DAYS * MINUTES_PER_DAY
    names = {"since": since, "most": MOST_OF_A_BUYER, "unproved": UNPROVED}
    return connection.execute(_UPDATE, names).rowcount
