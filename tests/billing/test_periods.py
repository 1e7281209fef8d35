"""The close of a month: figures per day, frozen; documents that equal the ledger; and nothing behind the close."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from billing import ledger, metering, periods
from billing.completion import complete
from billing.invariants import check
from billing.settlement import settle
from billing.tables import billed_day, document, usage_refused
from common.errors import InvalidInput, Refused
from common.minutes import MINUTES_PER_DAY, month_window
from tests.billing.factories import (
    AT,
    END,
    GRACE,
    MONTH,
    NOW,
    START,
    Agent,
    contract,
    deliver,
    everybody,
    open_market,
    open_participants,
    trade,
)

NEXT = "2026-11"
OVER = END + GRACE
MIDNIGHT = START + MINUTES_PER_DAY


def days(connection: Connection, contract_id: str = "con") -> list[tuple[str, int]]:
    columns = billed_day.c
    query = select(columns.day, columns.billed_minutes).where(columns.contract_id == contract_id).order_by(columns.day)
    return [(row.day.isoformat(), row.billed_minutes) for row in connection.execute(query)]


def test_a_month_is_closed_after_its_grace_time_and_once(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 10)
    with pytest.raises(Refused) as caught:
        periods.close(books, MONTH, OVER - 1, AT, GRACE)
    assert caught.value.code == "period_not_over"
    issued = periods.close(books, MONTH, OVER, AT, GRACE)
    assert len(issued) == 2
    before = everybody(books, "buyer", "provider")
    assert periods.close(books, MONTH, OVER + 9, AT + 9, GRACE) == issued
    assert everybody(books, "buyer", "provider") == before
    with pytest.raises(InvalidInput):
        periods.close(books, "2026-13", OVER, AT, GRACE)


def test_months_are_closed_in_their_order(books: Connection) -> None:
    assert periods.due(books, OVER, GRACE) == []
    trade(books, contract("con"), contract("con2", start=month_window("2026-12").start))
    assert periods.due(books, OVER - 1, GRACE) == []
    assert periods.due(books, OVER, GRACE) == [MONTH]
    later = month_window("2026-12").start + GRACE
    assert periods.due(books, later, GRACE) == [MONTH, NEXT]
    with pytest.raises(Refused, match=MONTH):
        periods.close(books, NEXT, later, AT, GRACE)
    periods.close(books, MONTH, later, AT, GRACE)
    assert periods.due(books, later, GRACE) == [NEXT]
    periods.close(books, NEXT, later, AT, GRACE)
    assert periods.due(books, later, GRACE) == []
    states = [(period.month, period.state) for period in periods.list_periods(books)]
    assert states == [(MONTH, "closed"), (NEXT, "closed"), ("2026-12", "open")]


def test_the_close_settles_what_is_left_and_makes_it_payable(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 7)
    periods.close(books, MONTH, OVER, AT, GRACE)
    provider = ledger.balances(books, "provider")
    assert (provider["earned"], provider["payable"]) == (0, 4_429 + 841)
    assert check(books) == []


def test_days_are_cut_in_minute_order_whatever_the_order_of_the_reports(books: Connection) -> None:
    trade(books, contract("con", start=MIDNIGHT - 2, minutes=6))
    reports = Agent().reports("con", MIDNIGHT - 2, [60, 59, 1, 60, 30, 29])
    for report in reversed(reports):
        metering.record(books, NOW, [report])
        settle(books, AT)
    periods.close(books, MONTH, OVER, AT, GRACE)
    assert days(books) == [("2026-10-01", 1), ("2026-10-02", 2)]
    assert check(books) == []


def test_a_contract_over_the_end_of_a_month_is_billed_in_both(books: Connection) -> None:
    trade(books, contract("con", start=END - 3, minutes=10))
    deliver(books, Agent(), "con", END - 3, [60, 60, 30, 30, 60])
    periods.close(books, MONTH, OVER, AT, GRACE)
    provider = ledger.balances(books, "provider")
    assert days(books) == [("2026-10-31", 2)]
    assert provider["payable"] == 1_266 + 240
    assert provider["earned"] > 0
    complete(books, OVER + 99, AT, GRACE, 10)
    periods.close(books, NEXT, month_window(NEXT).end + GRACE, AT, GRACE)
    assert days(books) == [("2026-10-31", 2), ("2026-11-01", 2)]
    assert ledger.balances(books, "provider")["earned"] == 0
    assert check(books) == []


def test_a_minute_behind_the_close_is_refused_and_one_of_the_next_month_counts(books: Connection) -> None:
    trade(books, contract("con", start=END - 3, minutes=10))
    agent = Agent()
    deliver(books, agent, "con", END - 3, [60])
    periods.close(books, MONTH, OVER, AT, GRACE)
    deliver(books, agent, "con", END - 1, [60, 60])
    refused = books.execute(select(usage_refused.c.minute, usage_refused.c.reason)).all()
    assert [tuple(row) for row in refused] == [(END - 1, "after_close")]
    assert settle(books, AT).minutes == 1
    assert check(books) == []


def test_a_month_without_a_whole_minute_has_no_documents(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [59])
    assert periods.close(books, MONTH, OVER, AT, GRACE) == []
    assert days(books) == [("2026-10-01", 0)]
    assert check(books) == []


USAGE = st.lists(st.lists(st.integers(0, 60), max_size=10), min_size=1, max_size=5)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USAGE, st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 9)), min_size=5, max_size=5))
def test_documents_and_their_rounding_equal_the_ledger(
    database: Engine, usage: list[list[int]], prices: list[tuple[int, int]]
) -> None:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer", "buyer2", "provider", "provider2", cash_micros=10**12)
        agent = Agent()
        for number, (seconds, (price, slices)) in enumerate(zip(usage, prices, strict=False)):
            traded = contract(
                f"con{number}",
                price_micros=price,
                slices=slices,
                start=MIDNIGHT - 5,
                buyer=("buyer", "buyer2")[number % 2],
                provider=("provider", "provider2")[number % 3 == 0],
            )
            trade(connection, traded)
            deliver(connection, agent, f"con{number}", MIDNIGHT - 5, seconds)
        complete(connection, OVER, AT, GRACE, 10)
        periods.close(connection, MONTH, OVER, AT, GRACE)
        assert check(connection) == []
        documented: dict[str, int] = defaultdict(int)
        for row in connection.execute(select(document)):
            documented[row.kind] += row.total_cents * 10_000 + row.rounding_micros
        market = ledger.balances(connection, "market")
        paid = sum(ledger.balances(connection, name)["payable"] for name in ("provider", "provider2"))
        assert documented["self_billed_invoice"] == paid
        assert documented["invoice"] == paid + market["fees"] + market["tax"]
        taken_back.rollback()


def test_a_close_and_late_reports_at_once_lose_and_double_nothing(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, *(contract(f"con{number}", node=f"node{number}") for number in range(8)))
    reports = [Agent(f"node{number}").reports(f"con{number}", START, [60] * 10) for number in range(8)]

    def work(worker: int) -> None:
        if worker == 0:
            with database.begin() as connection:
                periods.close(connection, MONTH, OVER, AT, GRACE)
            return
        for stream in reports[worker - 1 :: 2]:
            for report in stream:
                with database.begin() as connection:
                    metering.record(connection, NOW, [report])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, [1, 0, 2]))
    with database.begin() as connection:
        complete(connection, OVER, AT, GRACE, 10)
        assert check(connection) == []
