"""The deployment's one row: its currency and the anchor of market time, read by every process at its start."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from common.clock import ClockAnchor, MarketClock, RealClock
from common.errors import Unavailable
from runtime.tables import deployment


@dataclass(frozen=True, slots=True)
class Deployment:
    """Settlement currency (ISO 4217), clock, and the database's generation, which grows when it is restored."""

    currency: str
    anchor: ClockAnchor
    generation: int = 0


def establish(connection: Connection, currency: str, anchor: ClockAnchor) -> Deployment:
    """The stored row, or this one where there is none yet. A change of speed moves the anchor to now, so that market
    time goes on from where it is; the currency never changes."""
    connection.execute(insert(deployment).values(currency=currency, **_columns(anchor)).on_conflict_do_nothing())
    stored = read(connection)
    if stored.anchor.speed == anchor.speed:
        return stored
    elapsed = anchor.wall_micros - stored.anchor.wall_micros
    moved = ClockAnchor(
        wall_micros=anchor.wall_micros,
        market_micros=stored.anchor.market_micros + elapsed * stored.anchor.speed,
        speed=anchor.speed,
    )
    connection.execute(deployment.update().values(**_columns(moved)))
    return replace(stored, anchor=moved)


def read(connection: Connection) -> Deployment:
    """The stored row. Raises Unavailable where `establish` has never run."""
    row = connection.execute(select(deployment)).one_or_none()
    if row is None:
        raise Unavailable("database_unavailable", "the database holds no deployment yet: run `nestex migrate` first")
    anchor = ClockAnchor(row.clock_wall_micros, row.clock_market_micros, row.clock_speed)
    return Deployment(row.currency, anchor, row.generation)


def generation(connection: Connection) -> int:
    """Of the database as it is now; 0 where it was never restored."""
    return connection.execute(select(deployment.c.generation)).scalar_one_or_none() or 0


def market_clock(connection: Connection, real: RealClock) -> MarketClock:
    """The deployment's market clock."""
    return MarketClock(read(connection).anchor, real)


def _columns(anchor: ClockAnchor) -> dict[str, int]:
    return {
        "clock_wall_micros": anchor.wall_micros,
        "clock_market_micros": anchor.market_micros,
        "clock_speed": anchor.speed,
    }
