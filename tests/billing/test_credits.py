"""Credits after the close: the buyer gets exactly its money back, and the market carries what a provider cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from billing import ledger, payments, periods
from billing.completion import complete
from billing.credits import Credit, CreditRequest, credit
from billing.debts import recover
from billing.identities import save
from billing.invariants import check
from billing.settlement import settle
from common.errors import Conflict, InvalidInput, NotFound
from common.minutes import month_window
from tests.billing.factories import (
    AT,
    CASH,
    END,
    GERMAN_PROVIDER,
    GRACE,
    MONTH,
    START,
    Agent,
    contract,
    deliver,
    open_market,
    open_participants,
    trade,
)

PRICE = 33_333
DAY = date(2026, 10, 1)
NEXT = month_window("2026-11")


def take_back(connection: Connection, minutes: int, key: str = "one", **changes: Any) -> Credit:
    asked = replace(CreditRequest("con", DAY, minutes, key, "it was slow"), **changes)
    return credit(connection, asked, AT)


@pytest.fixture
def closed(books: Connection) -> Connection:
    trade(books, contract("con", price_micros=PRICE))
    deliver(books, Agent(), "con", START, [60] * 9)
    complete(books, START + 10 + GRACE, AT, GRACE, 10)
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    return books


def test_a_credit_gives_the_minutes_back_with_fee_and_tax(closed: Connection) -> None:
    before = {owner: ledger.balances(closed, owner) for owner in ("buyer", "provider", "market")}
    made = take_back(closed, 2)
    gross = PRICE * 2 * 2
    after = {owner: ledger.balances(closed, owner) for owner in ("buyer", "provider", "market")}
    assert after["buyer"]["cash"] - before["buyer"]["cash"] == gross + gross * 19 // 100
    net = gross - gross * 5 // 100
    assert (made.gross_micros, made.provider_net_micros) == (gross, net)
    assert before["provider"]["payable"] - after["provider"]["payable"] == net + net * 19 // 100
    assert before["market"]["fees"] - after["market"]["fees"] == gross * 5 // 100
    assert check(closed) == []


def test_a_credit_is_given_once_per_key(closed: Connection) -> None:
    first = take_back(closed, 2)
    assert take_back(closed, 2) == first
    with pytest.raises(Conflict) as caught:
        take_back(closed, 3)
    assert caught.value.code == "transfer_conflict"
    assert check(closed) == []


def test_no_more_is_credited_than_was_billed_that_day(closed: Connection) -> None:
    take_back(closed, 4)
    for minutes in (6, 0, -1):
        with pytest.raises(InvalidInput) as caught:
            take_back(closed, minutes, "two")
        assert (caught.value.field, caught.value.limit) == ("minutes", 5)
    with pytest.raises(InvalidInput):
        take_back(closed, 1, "two", day=date(2026, 10, 2))
    with pytest.raises(NotFound):
        take_back(closed, 1, "two", contract_id="none")


def test_a_day_of_an_open_month_cannot_be_credited(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 9)
    settle(books, AT)
    with pytest.raises(InvalidInput, match="0 billed minutes"):
        take_back(books, 1)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 10**7), st.integers(1, 7))
def test_a_contract_of_which_all_is_credited_has_paid_exactly_nothing(
    database: Engine, parts: list[int], price: int, slices: int
) -> None:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer", "provider", cash_micros=10**12)
        trade(connection, contract("con", price_micros=price, slices=slices))
        deliver(connection, Agent(), "con", START, [60] * 9 + [0])
        complete(connection, START + 10, AT, GRACE, 10)
        periods.close(connection, MONTH, END + GRACE, AT, GRACE)
        left = 9
        for number, part in enumerate([*parts, 9]):
            if minutes := min(part, left):
                take_back(connection, minutes, f"c{number}")
                left -= minutes
                assert check(connection) == []
        assert ledger.balances(connection, "buyer")["cash"] == 10**12
        market = ledger.balances(connection, "market")
        assert (market["fees"], market["tax"], ledger.balances(connection, "provider")["payable"]) == (0, 0, 0)
        taken_back.rollback()


def test_what_the_provider_cannot_cover_comes_from_the_reserve_and_is_recovered(closed: Connection) -> None:
    save(closed, "provider", GERMAN_PROVIDER, AT)
    payments.pay_out(closed, "run", "", AT)
    left = ledger.balances(closed, "provider")["payable"]
    take_back(closed, 9)
    gross = PRICE * 2 * 9
    net = gross - gross * 5 // 100
    owed = net + net * 19 // 100 - left
    assert ledger.balances(closed, "market")["reserve"] == -owed
    assert check(closed) == []
    assert recover(closed, AT) == 0
    trade(closed, contract("con2", start=NEXT.start, minutes=100, price_micros=PRICE))
    agent = Agent("node")
    agent.sequence = 9
    deliver(closed, agent, "con2", NEXT.start, [60] * 2)
    settle(closed, AT)
    first = recover(closed, AT)
    assert 0 < first < owed
    deliver(closed, agent, "con2", NEXT.start + 2, [60] * 90)
    settle(closed, AT)
    assert check(closed) == []
    periods.close(closed, "2026-11", NEXT.end + GRACE, AT, GRACE)
    assert ledger.balances(closed, "market")["reserve"] == 0
    assert ledger.balances(closed, "provider")["earned"] == 0
    assert recover(closed, AT) == 0
    assert check(closed) == []
    assert ledger.balances(closed, "provider")["cash"] <= CASH


def test_earnings_of_the_open_month_cover_a_credit_before_the_reserve_does(closed: Connection) -> None:
    save(closed, "provider", GERMAN_PROVIDER, AT)
    payments.pay_out(closed, "run", "", AT)
    trade(closed, contract("con2", start=NEXT.start, minutes=100, price_micros=PRICE))
    agent = Agent("node")
    agent.sequence = 9
    deliver(closed, agent, "con2", NEXT.start, [60] * 90)
    settle(closed, AT)
    take_back(closed, 9)
    assert ledger.balances(closed, "market")["reserve"] == 0
    periods.close(closed, "2026-11", NEXT.end + GRACE, AT, GRACE)
    assert ledger.balances(closed, "provider")["earned"] == 0
    assert check(closed) == []
