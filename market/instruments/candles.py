"""Candles: trades of an instrument, added up over intervals of market time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from common.minutes import MICROS_PER_MINUTE

_FIRST_TRADE = text("SELECT min(at_micros) FROM trade WHERE instrument = :instrument AND at_micros >= :from_micros")
_CANDLES = text("""
    SELECT at_micros / :interval_micros AS number,
        (min(ARRAY[sequence, ordinal, price_micros]))[3] AS open_micros,
        max(price_micros) AS high_micros,
        min(price_micros) AS low_micros,
        (max(ARRAY[sequence, ordinal, price_micros]))[3] AS close_micros,
        CAST(sum(CAST(guests AS bigint) * slices_per_guest * (end_minute - start_minute)) AS bigint) AS slice_minutes,
        count(*) AS trades
    FROM trade
    WHERE instrument = :instrument AND at_micros >= :from_micros AND at_micros < :until_micros
    GROUP BY number ORDER BY number
""")


@dataclass(frozen=True, slots=True)
class Candle:
    """What traded in [start_minute, start_minute + interval): first, highest, lowest and last price, the volume in
    slice-minutes, and the number of trades."""

    start_minute: int
    open_micros: int
    high_micros: int
    low_micros: int
    close_micros: int
    slice_minutes: int
    trades: int


@dataclass(frozen=True, slots=True)
class CandlePart:
    """Candles in order of time; `next_minute` is where to go on, None at the end."""

    candles: list[Candle]
    next_minute: int | None


def list_candles(connection: Connection, instrument: str, interval: int, from_minute: int, limit: int) -> CandlePart:
    """The candles of `limit` intervals of `interval` minutes, from the first trade at or after `from_minute` on.

    Intervals begin at whole multiples of their length since the Unix epoch; those without a trade are left out.
    """
    first = _first_trade(connection, instrument, from_minute * MICROS_PER_MINUTE)
    if first is None:
        return CandlePart([], None)
    interval_micros = interval * MICROS_PER_MINUTE
    until_micros = (first // interval_micros + limit) * interval_micros
    span = {"from_micros": from_minute * MICROS_PER_MINUTE, "until_micros": until_micros}
    rows = connection.execute(_CANDLES, {"instrument": instrument, "interval_micros": interval_micros} | span)
    candles = [
        Candle(
            row.number * interval,
            row.open_micros,
            row.high_micros,
            row.low_micros,
            row.close_micros,
            row.slice_minutes,
            row.trades,
        )
        for row in rows
    ]
    more = _first_trade(connection, instrument, until_micros)
    return CandlePart(candles, None if more is None else more // interval_micros * interval)


def _first_trade(connection: Connection, instrument: str, from_micros: int) -> int | None:
    query = {"instrument": instrument, "from_micros": from_micros}
    found: int | None = connection.execute(_FIRST_TRADE, query).scalar_one()
    return found
