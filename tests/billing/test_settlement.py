"""Delivered minutes become postings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from billing import ledger
from billing.invariants import check
from billing.settlement import Settled, settle
from billing.tables import ledger_entry, ledger_transfer
from tests.billing.factories import (
    AT,
    CASH,
    START,
    Agent,
    contract,
    deliver,
    everybody,
    open_market,
    open_participants,
    trade,
)


def test_a_trade_takes_escrow_and_bond(books: Connection) -> None:
    traded = contract("con")
    trade(books, traded)
    assert traded.escrow_micros == 6_660 + 1_265
    assert traded.bond_micros == 666
    buyer, provider = ledger.balances(books, "buyer"), ledger.balances(books, "provider")
    assert (buyer["cash"], buyer["escrow"]) == (CASH - 7_925, 7_925)
    assert (provider["cash"], provider["bond"]) == (CASH - 666, 666)


def test_settlement_pays_the_provider_the_market_and_the_tax(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 6 + [59, 1])
    assert settle(books, AT) == Settled(contracts=1, minutes=7)
    market, provider = ledger.balances(books, "market"), ledger.balances(books, "provider")
    assert (market["fees"], market["tax"]) == (233, 885 - 841)
    assert (provider["earned"], provider["bond"], provider["cash"]) == (4_429 + 841, 666 - 466, CASH - 200)
    assert ledger.balances(books, "buyer")["escrow"] == 7_925 - 5_547
    assert check(books) == []


def test_nothing_is_settled_twice_and_no_part_of_a_minute(books: Connection) -> None:
    trade(books, contract("con"))
    agent = Agent()
    deliver(books, agent, "con", START, [60, 59])
    assert settle(books, AT) == Settled(1, 1)
    before = everybody(books, "buyer", "provider")
    assert settle(books, AT) == Settled(0, 0)
    assert everybody(books, "buyer", "provider") == before
    deliver(books, agent, "con", START + 2, [1])
    assert settle(books, AT) == Settled(1, 1)


def test_a_batch_is_one_transfer_with_one_entry_per_account_of_the_market(books: Connection) -> None:
    trade(books, *(contract(f"con{number}") for number in range(5)))
    agent = Agent()
    for number in range(5):
        deliver(books, agent, f"con{number}", START, [60] * 3)
    assert settle(books, AT, limit=3) == Settled(3, 9)
    assert settle(books, AT, limit=3) == Settled(2, 6)
    settled = select(ledger_transfer.c.id).where(ledger_transfer.c.kind == "settle")
    query = select(func.count()).where(
        ledger_entry.c.transfer_id.in_(settled), ledger_entry.c.account_id.like("market/%")
    )
    assert books.execute(query).scalar_one() == 2 * 2
    assert check(books) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 60), min_size=10, max_size=10), st.sets(st.integers(0, 9)))
def test_how_often_is_settled_makes_no_difference(database: Engine, seconds: list[int], stops: set[int]) -> None:
    results = []
    for settle_at in (stops, set[int]()):
        with database.connect() as connection, connection.begin() as taken_back:
            open_market(connection)
            open_participants(connection, "buyer", "provider")
            trade(connection, contract("con", price_micros=7, slices=3))
            agent = Agent()
            for minute, delivered in enumerate(seconds):
                deliver(connection, agent, "con", START + minute, [delivered])
                if minute in settle_at:
                    settle(connection, AT + minute)
            settle(connection, AT)
            assert check(connection) == []
            results.append(everybody(connection, "buyer", "provider"))
            taken_back.rollback()
    assert results[0] == results[1]


def test_settlers_at_once_share_the_work(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, *(contract(f"con{number}") for number in range(30)))
        agent = Agent()
        for number in range(30):
            deliver(connection, agent, f"con{number}", START, [60] * 10)

    def work(_: int) -> int:
        minutes = 0
        for _turn in range(20):
            with database.begin() as connection:
                minutes += settle(connection, AT, limit=4).minutes
        return minutes

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, range(3))) == 300
    with database.begin() as connection:
        assert ledger.balances(connection, "buyer")["escrow"] == 0
        assert check(connection) == []
