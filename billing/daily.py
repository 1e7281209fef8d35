"""Figures per contract and UTC day, cut in minute order at the close of a month, and frozen.

A day's minutes are floor(seconds delivered up to its end / 60) less those of the days before, so that the days of a
contract's life add up to its billed minutes, in whatever order the reports arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, text

from billing.contracts import BUSTED, bargain_of
from billing.tables import billed_day
from billing.terms import Totals, totals
from common.minutes import MINUTES_PER_DAY, SECONDS_PER_MINUTE, Window, minute_start

_RUNNING_SECONDS = text("""
    SELECT contract_id, minute / :day AS day_number,
        sum(sum(seconds)) OVER (PARTITION BY contract_id ORDER BY minute / :day) AS seconds
    FROM usage_minute
    WHERE contract_id = ANY(CAST(:contracts AS text[])) AND minute < :month_end
    GROUP BY contract_id, minute / :day
    ORDER BY contract_id, day_number
""")


USAGE = "usage"
RELEASE = "release"


@dataclass(frozen=True, slots=True)
class BilledDay:
    """What one contract's day comes to: its minutes, or (`item` release) the fee for so many minutes released on it."""

    contract_id: str
    provider_id: str
    day: date
    item: str
    billed_minutes: int
    figures: Totals


def cut(connection: Connection, contracts: Iterable[Row[Any]], month: Window) -> list[BilledDay]:
    """The days of the month on which these contracts were reported or released, from the minutes that count; none of a
    contract that is busted."""
    rows = {row.contract_id: row for row in contracts if row.ending != BUSTED}
    parameters = {"day": MINUTES_PER_DAY, "contracts": list(rows), "month_end": month.end}
    days = []
    reached = dict.fromkeys(rows, 0)
    for running in connection.execute(_RUNNING_SECONDS, parameters):
        contract, minutes = running.contract_id, int(running.seconds) // SECONDS_PER_MINUTE
        if running.day_number * MINUTES_PER_DAY in month:
            bargain = bargain_of(rows[contract])
            figures = totals(bargain, minutes) - totals(bargain, reached[contract])
            day = running.day_number * MINUTES_PER_DAY
            days.append(_billed_day(rows[contract], day, USAGE, minutes - reached[contract], figures))
        reached[contract] = minutes
    for row in rows.values():
        if row.released_minutes and row.released_minute in month:
            bargain, minutes = bargain_of(row), reached[row.contract_id]
            figures = totals(bargain, minutes, row.released_minutes) - totals(bargain, minutes)
            days.append(_billed_day(row, row.released_minute, RELEASE, row.released_minutes, figures))
    return days


def freeze(connection: Connection, month: str, days: Sequence[BilledDay]) -> None:
    """Write the days, once and for all."""
    rows = [
        {
            "contract_id": day.contract_id,
            "day": day.day,
            "item": day.item,
            "month": month,
            "billed_minutes": day.billed_minutes,
            "gross_micros": day.figures.gross,
            "fee_micros": day.figures.fee,
            "buyer_vat_micros": day.figures.buyer_vat,
            "provider_net_micros": day.figures.provider_net,
            "provider_vat_micros": day.figures.provider_vat,
        }
        for day in days
    ]
    if rows:
        connection.execute(insert(billed_day), rows)


def _billed_day(contract: Row[Any], minute: int, item: str, minutes: int, figures: Totals) -> BilledDay:
    day = minute_start(minute).date()
    return BilledDay(contract.contract_id, contract.provider_id, day, item, minutes, figures)
