"""Statements of account: what a span of time did, and balances at any moment."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from billing import ledger
from billing.deposits import deposit
from billing.statements import Span, balances_at, entries
from billing.transfers import Entry, Transfer
from tests.billing.factories import AT, CASH, open_market, open_participants


def escrow(connection: Connection, key: str, amount: int, at_micros: int) -> None:
    moves = (Entry("buyer/cash", -amount, key), Entry("buyer/escrow", amount, key))
    ledger.post(connection, [Transfer(key, "trade", at_micros, moves)])


def test_a_statement_pages_through_all_entries_in_order(books: Connection) -> None:
    for number in range(5):
        escrow(books, f"con{number}", number + 1, AT)
    pages, after = [], (0, 0)
    while page := entries(books, "buyer", after, 3):
        pages += page
        after = page[-1].transfer_id, page[-1].ordinal
    assert [entry.amount_micros for entry in pages] == [CASH, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5]
    assert (pages[-1].account, pages[-1].reference, pages[-1].transfer_kind) == ("buyer/escrow", "con4", "trade")


def test_balances_are_those_of_the_moment(books: Connection) -> None:
    escrow(books, "con", 7, AT + 10)
    assert balances_at(books, "buyer", AT)["cash"] == 0
    assert balances_at(books, "buyer", AT + 10) == {"cash": CASH, "escrow": 0, "bond": 0, "earned": 0, "payable": 0}
    assert balances_at(books, "buyer", AT + 11) == ledger.balances(books, "buyer")
    assert balances_at(books, "market", AT + 11) == ledger.balances(books, "market")
    assert balances_at(books, "nobody", AT) == {}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9)), max_size=8), st.integers(0, 10), st.integers(0, 10))
def test_opening_and_entries_make_closing(
    database: Engine, postings: list[tuple[int, int]], start: int, length: int
) -> None:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer")
        for number, (amount, later) in enumerate(postings):
            deposit(connection, "buyer", amount, f"d{number}", AT + later)
        span = Span(AT + start, AT + start + length)
        balance = balances_at(connection, "buyer", span.from_micros)
        for entry in entries(connection, "buyer", (0, 0), 99, span):
            balance[entry.account.partition("/")[2]] += entry.amount_micros
        assert balance == balances_at(connection, "buyer", span.until_micros)
        taken_back.rollback()
