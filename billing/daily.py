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

from billing.contracts import bargain_of
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


@dataclass(frozen=True, slots=True)
class BilledDay:
    """What one contract's day comes to."""

    contract_id: str
    provider_id: str
    day: date
    billed_minutes: int
    figures: Totals


def cut(connection: Connection, contracts: Iterable[Row[Any]], month: Window) -> list[BilledDay]:
    """The days of the month on which these contracts were reported, from the minutes that count."""
    rows = {row.contract_id: row for row in contracts}
    parameters = {"day": MINUTES_PER_DAY, "contracts": list(rows), "month_end": month.end}
    days = []
    contract, minutes_before = None, 0
    for running in connection.execute(_RUNNING_SECONDS, parameters):
        if running.contract_id != contract:
            contract, minutes_before = running.contract_id, 0
        minutes = int(running.seconds) // SECONDS_PER_MINUTE
        if running.day_number * MINUTES_PER_DAY in month:
            days.append(_billed_day(rows[contract], running.day_number, minutes_before, minutes))
        minutes_before = minutes
    return days


def freeze(connection: Connection, month: str, days: Sequence[BilledDay]) -> None:
    """Write the days, once and for all."""
    rows = [
        {
            "contract_id": day.contract_id,
            "day": day.day,
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


def _billed_day(contract: Row[Any], day_number: int, minutes_before: int, minutes: int) -> BilledDay:
    bargain = bargain_of(contract)
    return BilledDay(
        contract_id=contract.contract_id,
        provider_id=contract.provider_id,
        day=minute_start(day_number * MINUTES_PER_DAY).date(),
        billed_minutes=minutes - minutes_before,
        figures=totals(bargain, minutes) - totals(bargain, minutes_before),
    )
