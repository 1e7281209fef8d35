"""A close in steps ends where a close at once does, wherever it is interrupted, and nothing slips in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, select

from billing import disputes, endings, ledger, metering, periods
from billing.credits import CreditRequest, credit
from billing.invariants import check
from billing.tables import document, usage_refused
from common.errors import Conflict
from common.minutes import Window, minute_start
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
    open_market,
    open_participants,
    trade,
)

OVER = END + GRACE


def sell(connection: Connection) -> None:
    open_market(connection)
    open_participants(connection, "ada", "bob", "cyd", "dan")
    agent = Agent()
    for number in range(7):
        buyer, provider = ("ada", "bob")[number % 2], ("cyd", "dan", "ada")[number % 3]
        trade(connection, contract(f"con{number}", buyer=buyer, provider=provider if provider != buyer else "cyd"))
    for minute in range(9):
        metering.record(connection, NOW, [agent.report(START + minute, {f"con{n}": 60 - n for n in range(7)})])


def papers(connection: Connection) -> list[tuple[object, ...]]:
    columns = document.c
    query = select(columns.kind, columns.participant_id, columns.total_cents, columns.content, columns.state)
    return sorted((tuple(row) for row in connection.execute(query)), key=lambda row: row[:2])


@pytest.fixture
def begun(books: Connection) -> Connection:
    """A month that is being closed, with nothing frozen yet."""
    trade(books, contract("con"), contract("other"))
    deliver(books, Agent(), "con", START, [60] * 9)
    periods.begin(books, MONTH, OVER, AT, GRACE)
    return books


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_steps_of_any_size_issue_the_same_documents(database: Engine, limit: int) -> None:
    results = []
    for size in (limit, 1000):
        with database.connect() as connection, connection.begin() as taken_back:
            sell(connection)
            assert periods.begin(connection, MONTH, OVER, AT, GRACE).state == "closing"
            seen = []
            while (period := periods.step(connection, MONTH, size)).state != "closed":
                seen.append((period.contracts, period.participants))
                assert check(connection) == []
            assert seen == sorted(seen)
            assert (period.contracts, period.participants) == (7, 4)
            assert check(connection) == []
            results.append((papers(connection), [ledger.balances(connection, who) for who in ("cyd", "dan", "market")]))
            taken_back.rollback()
    assert results[0] == results[1]


def test_a_close_that_was_stopped_goes_on_where_it_was_with_the_time_it_began_at(database: Engine) -> None:
    class Crash(Exception):
        pass

    with database.begin() as connection:
        sell(connection)
        periods.begin(connection, MONTH, OVER, AT, GRACE)
    states = []
    for attempt in range(99):
        try:
            with database.begin() as connection:
                periods.begin(connection, MONTH, OVER + attempt, AT + attempt, GRACE)
                period = periods.step(connection, MONTH, 2)
                if attempt % 2:
                    raise Crash
        except Crash:
            continue
        states.append(period.state)
        if period.state == "closed":
            break
    with database.begin() as connection:
        assert check(connection) == []
        assert set(connection.execute(select(document.c.issued_at_micros)).scalars()) == {AT}
        assert connection.execute(select(document.c.state)).scalars().all().count("draft") == 0


def test_closers_at_once_take_turns(database: Engine) -> None:
    with database.begin() as connection:
        sell(connection)
        periods.begin(connection, MONTH, OVER, AT, GRACE)

    def work(_: int) -> None:
        for _turn in range(12):
            with database.begin() as connection:
                periods.step(connection, MONTH, 2)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with database.begin() as connection:
        assert [period.state for period in periods.list_periods(connection)] == ["closed"]
        assert check(connection) == []


def test_a_month_that_is_being_closed_takes_no_more_minutes_disputes_or_credits(begun: Connection) -> None:
    late = Agent("node", sequence=9).report(START + 9, {"con": 60})
    metering.record(begun, NOW, [late])
    assert begun.execute(select(usage_refused.c.reason)).scalars().all() == ["after_close"]
    with pytest.raises(Conflict, match="being closed"):
        disputes.dispute(begun, "con", Window(START, START + 1), "slow", AT)
    periods.step(begun, MONTH)
    day = minute_start(START).date()
    for correct in (
        lambda: credit(begun, CreditRequest("con", day, 1, "key", "slow"), AT),
        lambda: endings.bust(begun, "con", AT),
    ):
        mark = begun.begin_nested()
        with pytest.raises(Conflict, match="being closed"):
            correct()
        mark.rollback()
    while periods.step(begun, MONTH).state != "closed":
        pass
    assert check(begun) == []
