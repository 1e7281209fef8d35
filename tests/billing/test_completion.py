"""Contracts end with nothing left in escrow and bond."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from billing import contracts, endings, ledger, metering
from billing.completion import Completed, complete
from billing.invariants import check
from billing.tables import billable_contract, usage_refused
from tests.billing.factories import (
    AT,
    CASH,
    GRACE,
    NOW,
    START,
    TERMS,
    Agent,
    contract,
    deliver,
    open_market,
    open_participants,
    trade,
)

LAST = START + 10


def test_a_contract_is_complete_when_its_node_has_reported_everything(books: Connection) -> None:
    trade(books, contract("con"))
    agent = Agent()
    deliver(books, agent, "con", START, [60] * 9)
    assert complete(books, LAST, AT, GRACE, 10) == []
    deliver(books, agent, "con", START + 9, [60])
    assert complete(books, LAST - 1, AT, GRACE, 10) == []
    assert complete(books, LAST, AT, GRACE, 10) == [Completed("con", 10)]
    assert complete(books, LAST + 99, AT, GRACE, 10) == []
    assert ledger.balances(books, "provider")["cash"] == CASH
    assert check(books) == []


def test_a_gap_in_the_reports_waits_for_the_grace_time(books: Connection) -> None:
    trade(books, contract("con"))
    agent = Agent()
    deliver(books, agent, "con", START, [60] * 4)
    agent.report(START + 4, {"con": 60})
    deliver(books, agent, "con", START + 5, [60] * 5)
    assert complete(books, LAST + GRACE - 1, AT, GRACE, 10) == []
    assert complete(books, LAST + GRACE, AT, GRACE, 10) == [Completed("con", 9)]
    assert check(books) == []


def test_an_agents_new_file_that_does_not_know_the_whole_window_waits_for_the_grace_time(books: Connection) -> None:
    """What its lost file reported last may be missing, and nobody can tell."""
    trade(books, contract("con"), contract("later", start=START + 5))
    deliver(books, Agent(), "con", START, [60] * 4)
    new = Agent()
    for minute in range(START + 5, LAST + 5):
        report = new.report(minute, {"con": 60, "later": 60} if minute < LAST else {"later": 60})
        metering.record(books, NOW, [replace(report, life=7, since=START + 5)])
    assert complete(books, LAST + 5, AT, 60, 10) == [Completed("later", 10)]
    assert complete(books, LAST + 60, AT, 60, 10) == [Completed("con", 9)]
    assert check(books) == []


def test_undelivered_minutes_go_back_to_the_buyer_and_forfeit_bond_beyond_the_allowance(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 5)
    complete(books, LAST + GRACE, AT, GRACE, 10)
    gross = 333 * 2 * 5
    assert ledger.balances(books, "buyer")["cash"] == CASH - gross - gross * 19 // 100
    forfeited = 666 - 666 * (5 + TERMS.allowance_minutes) // 10
    assert ledger.balances(books, "market")["reserve"] == forfeited
    assert ledger.balances(books, "provider")["cash"] == CASH - forfeited
    assert check(books) == []


def test_a_failed_contract_ends_early_and_nothing_after_it_is_billed(books: Connection) -> None:
    trade(books, contract("con"))
    agent = Agent()
    deliver(books, agent, "con", START, [60] * 4)
    contracts.end_at(books, "con", START + 4)
    deliver(books, agent, "con", START + 4, [60])
    assert complete(books, START + 4, AT, GRACE, 10) == []
    endings.fail(books, "con", START + 4, 0, AT)
    assert complete(books, START + 4, AT, GRACE, 10) == [Completed("con", 4)]
    assert check(books) == []


def test_a_contract_that_never_ran_returns_everything_but_the_forfeited_bond(books: Connection) -> None:
    terms = replace(TERMS, allowance_minutes=0)
    trade(books, contract("con", terms=terms), contract("free", terms=replace(TERMS, allowance_minutes=99)))
    contracts.end_at(books, "con", START)
    complete(books, LAST + GRACE, AT, GRACE, 10)
    assert ledger.balances(books, "buyer")["cash"] == CASH
    assert ledger.balances(books, "market")["reserve"] == 666
    assert check(books) == []


def test_minutes_after_the_completion_are_refused(books: Connection) -> None:
    trade(books, contract("con"))
    complete(books, LAST + GRACE, AT, GRACE, 10)
    deliver(books, Agent(), "con", START, [60])
    assert books.execute(select(usage_refused.c.reason)).scalars().all() == ["after_close"]
    contracts.end_at(books, "con", START + 1)
    ended = select(billable_contract.c.ended_minute)
    assert books.execute(ended).scalar_one() is None


def test_contracts_are_completed_in_chunks(books: Connection) -> None:
    trade(books, *(contract(f"con{number}") for number in range(5)))
    assert [len(complete(books, LAST + GRACE, AT, GRACE, 2)) for _ in range(4)] == [2, 2, 1, 0]
    assert check(books) == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 60), max_size=10),
    st.one_of(st.none(), st.integers(0, 10)),
    st.integers(1, 10**6),
    st.integers(0, 1_000_000),
)
def test_escrow_and_bond_end_at_exactly_zero(
    database: Engine, seconds: list[int], ended: int | None, price: int, bond_ppm: int
) -> None:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, contract("con", price_micros=price, bond_ppm=bond_ppm))
        if ended is not None:
            contracts.end_at(connection, "con", START + ended)
        deliver(connection, Agent(), "con", START, seconds)
        counted = seconds if ended is None else seconds[:ended]
        assert complete(connection, LAST + GRACE, AT, GRACE, 10) == [Completed("con", sum(counted) // 60)]
        assert ledger.balances(connection, "buyer")["escrow"] == 0
        assert ledger.balances(connection, "provider")["bond"] == 0
        assert check(connection) == []
        taken_back.rollback()


@pytest.mark.parametrize("minute", [START - 1, LAST + 1])
def test_a_contract_cannot_end_outside_its_window(books: Connection, minute: int) -> None:
    trade(books, contract("con"))
    with pytest.raises(Exception, match="billable_contract_ended_check"):
        contracts.end_at(books, "con", minute)
