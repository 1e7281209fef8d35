"""Candles and quality figures say what trades and contracts say."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from billing.tables import billable_contract
from common.minutes import minute_text
from market.instruments.candles import list_candles
from market.tables import contract, trade
from tests.market.factories import CODE, START_MINUTE, World
from tests.market.http.bodies import ask, bid, later
from tests.market.http.conftest import Http

CANDLES = f"/v1/instruments/{CODE}/candles"
QUALITY = f"/v1/instruments/{CODE}/quality"


def test_a_candle_adds_up_the_trades_of_its_interval(world: World, provider: Http, buyer: Http, node_id: str) -> None:
    assert buyer.get(CANDLES).json() == {"items": [], "next": None}
    for price, minutes in (("0.009", 10), ("0.012", 20), ("0.006", 30)):
        provider.post("/v1/orders", ask(node_id, price=price, slices=1, min_minutes=minutes))
        assert buyer.post("/v1/orders", bid(duration_minutes=minutes)).json()["state"] == "filled"
    [candle] = buyer.get(CANDLES).json()["items"]
    expected = {"open": "0.009000", "high": "0.012000", "low": "0.006000", "close": "0.006000", "volume": 60}
    assert {name: candle[name] for name in expected} == expected
    assert (candle["start"], candle["trades"]) == (minute_text(START_MINUTE // 60 * 60), 3)
    assert buyer.get(CANDLES, params={"start": later(60)}).json()["items"] == []
    assert buyer.get("/v1/instruments/fra1.none.firm/candles").json()["code"] == "not_found"
    for query in ({"interval": 0}, {"interval": "1.0"}, {"after": "x"}, {"start": "today"}):
        assert buyer.get(CANDLES, params=query).status_code == 422


def test_quality_tells_what_was_owed_and_what_was_done(world: World, provider: Http, buyer: Http, node_id: str) -> None:
    assert buyer.get(QUALITY).json()["delivered_ppm"] is None
    provider.post("/v1/orders", ask(node_id))
    for _ in range(4):
        buyer.post("/v1/orders", bid(duration_minutes=20))
    good, late, broken, busted = (row["id"] for row in buyer.get("/v1/contracts").json()["items"])
    start = (START_MINUTE + 1) * 60_000_000
    with world.begin() as connection:
        for made, ready in ((good, start + 5 * 60_000_000), (late, start + 7 * 60_000_000)):
            connection.execute(contract.update().where(contract.c.id == made).values(ready_at_micros=ready))
        told: dict[str, dict[str, Any]] = {
            good: {"delivered_seconds": 600},
            late: {"delivered_seconds": 230},
            broken: {"ending": "failed", "ended_minute": START_MINUTE + 4, "delivered_seconds": 120},
            busted: {"ending": "busted", "ended_minute": START_MINUTE + 1},
        }
        for made, values in told.items():
            known = billable_contract.update().where(billable_contract.c.contract_id == made)
            connection.execute(known.values(**values))
    world.real.pass_minutes(11)
    assert buyer.get(QUALITY).json() == {
        "instrument": CODE,
        "since": minute_text(START_MINUTE + 11 - 30 * 1440),
        "contracts": 3,
        "contracted_minutes": 30,
        "delivered_minutes": 15,
        "delivered_ppm": 500_000,
        "due": 3,
        "ready_on_time": 1,
        "failed": 1,
    }
    world.real.pass_minutes(1440)
    assert buyer.get(QUALITY, params={"days": 1}).json()["contracts"] == 0
    assert buyer.get(QUALITY).json()["contracted_minutes"] == 60


def _insert(world: World, connection: Connection, trades: list[tuple[int, int, int, int]]) -> None:
    """Rows alone: what they are of is not asked for."""
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    for sequence, (minute, price, guests, minutes) in enumerate(trades):
        values = {"shard": "fra1", "sequence": sequence, "ordinal": 0, "instrument": CODE, "price_micros": price}
        window = {"start_minute": START_MINUTE, "end_minute": START_MINUTE + minutes, "guests": guests}
        at_micros = (START_MINUTE + minute) * 60_000_000 + 1
        other = {"bid_order_id": "b", "ask_order_id": "a", "taker_side": "bid", "slices_per_guest": 1}
        connection.execute(trade.insert().values(**values, **window, **other, at_micros=at_micros))


TRADE = st.tuples(st.integers(0, 400), st.integers(1, 9), st.integers(1, 3), st.integers(1, 50))
"""Minutes after the start, price, guests, length."""


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades=st.lists(TRADE, max_size=30), interval=st.integers(1, 90), limit=st.integers(1, 5))
def test_pages_of_candles_are_all_trades_once(
    world: World, trades: list[tuple[int, int, int, int]], interval: int, limit: int
) -> None:
    trades = sorted(trades, key=lambda each: each[0])
    with world.database.connect() as connection:
        _insert(world, connection, trades)
        told, part = [], list_candles(connection, CODE, interval, 0, limit)
        while True:
            told += part.candles
            if part.next_minute is None:
                break
            part = list_candles(connection, CODE, interval, part.next_minute, limit)
        connection.rollback()
    expected = []
    for number, group in groupby(trades, key=lambda each: (START_MINUTE + each[0]) // interval):
        within = list(group)
        prices = [price for _, price, _, _ in within]
        volume = sum(guests * minutes for _, _, guests, minutes in within)
        expected.append((number * interval, prices[0], max(prices), min(prices), prices[-1], volume, len(within)))
    got = [
        (c.start_minute, c.open_micros, c.high_micros, c.low_micros, c.close_micros, c.slice_minutes, c.trades)
        for c in told
    ]
    assert got == expected
