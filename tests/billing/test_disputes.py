"""Disputed money stays in escrow until an operator decides, and ends where the decision says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from billing import disputes, endings, ledger, metering, periods
from billing.completion import complete
from billing.disputes import REJECTED, UPHELD, Dispute
from billing.invariants import check
from billing.refused import START as FIRST
from billing.refused import place_of, refused
from billing.settlement import settle
from common.errors import Conflict, NotFound, Refused
from common.minutes import Window
from common.wire import GuestMinute
from tests.billing.factories import (
    AT,
    CASH,
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

LAST = START + 10


def doubt(connection: Connection, first: int, last: int, contract_id: str = "con") -> Dispute:
    window = Window(START + first, START + last)
    return disputes.dispute(connection, contract_id, window, "it was slow", AT + first)


def cost(minutes: int) -> int:
    gross = 333 * 2 * minutes
    return gross + gross * 19 // 100


@pytest.fixture
def settled(books: Connection) -> Connection:
    """Eight of ten minutes delivered and settled."""
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 8)
    settle(books, AT)
    return books


def test_disputed_money_goes_back_into_escrow(settled: Connection) -> None:
    made = doubt(settled, 2, 5)
    assert ledger.balances(settled, "buyer")["escrow"] == cost(10) - cost(5)
    assert ledger.balances(settled, "provider")["bond"] == 666 - 666 * 8 // 10
    assert disputes.disputes(settled, "", 9, contract="con", state="open") == [made]
    assert settle(settled, AT).minutes == 0
    assert check(settled) == []


def test_a_rejected_dispute_leaves_the_books_as_if_it_had_never_been(settled: Connection) -> None:
    before = everybody(settled, "buyer", "provider")
    made = doubt(settled, 2, 5)
    decided = disputes.decide(settled, made.id, REJECTED, "it was not", AT + 9)
    assert (decided.state, decided.note, decided.decided_at_micros) == ("rejected", "it was not", AT + 9)
    assert everybody(settled, "buyer", "provider") == before
    assert check(settled) == []


def test_an_upheld_dispute_is_never_billed(settled: Connection) -> None:
    made = doubt(settled, 2, 5)
    disputes.decide(settled, made.id, UPHELD, "it was", AT)
    complete(settled, LAST + GRACE, AT, GRACE, 10)
    assert ledger.balances(settled, "buyer")["cash"] == CASH - cost(5)
    assert check(settled) == []
    periods.close(settled, MONTH, END + GRACE, AT, GRACE)
    assert check(settled) == []


def test_a_contract_is_not_complete_while_it_is_disputed(settled: Connection) -> None:
    made = doubt(settled, 0, 10)
    assert complete(settled, LAST + 99, AT, GRACE, 10) == []
    disputes.decide(settled, made.id, REJECTED, "no", AT)
    assert [done.billed_minutes for done in complete(settled, LAST + 99, AT, GRACE, 10)] == [8]


@pytest.mark.parametrize(("decision", "billed"), [(REJECTED, 8), (UPHELD, 5)])
def test_minutes_of_a_complete_contract_can_be_disputed_until_the_close(
    settled: Connection, decision: str, billed: int
) -> None:
    complete(settled, LAST + GRACE, AT, GRACE, 10)
    made = doubt(settled, 2, 5)
    assert ledger.balances(settled, "buyer")["escrow"] == cost(8) - cost(5)
    assert check(settled) == []
    disputes.decide(settled, made.id, decision, "so be it", AT)
    buyer = ledger.balances(settled, "buyer")
    assert (buyer["escrow"], buyer["cash"]) == (0, CASH - cost(billed))
    assert check(settled) == []


def test_a_month_with_an_open_dispute_is_not_closed(settled: Connection) -> None:
    made = doubt(settled, 2, 5)
    assert periods.due(settled, END + GRACE, GRACE) == []
    with pytest.raises(Refused) as caught:
        periods.close(settled, MONTH, END + GRACE, AT, GRACE)
    assert caught.value.code == "disputes_open"
    disputes.decide(settled, made.id, UPHELD, "yes", AT)
    assert periods.due(settled, END + GRACE, GRACE) == [MONTH]
    periods.close(settled, MONTH, END + GRACE, AT, GRACE)
    with pytest.raises(Conflict, match="closed"):
        doubt(settled, 5, 6)


def test_a_minute_is_disputed_once_and_a_dispute_decided_once(settled: Connection) -> None:
    made = doubt(settled, 2, 5)
    with pytest.raises(Conflict, match="undisputed"):
        doubt(settled, 3, 4)
    disputes.decide(settled, made.id, REJECTED, "no", AT)
    for decision in (REJECTED, UPHELD):
        with pytest.raises(Conflict):
            disputes.decide(settled, made.id, decision, "again", AT)
    with pytest.raises(NotFound):
        disputes.get(settled, "dsp")
    with pytest.raises(NotFound):
        doubt(settled, 1, 2, "none")


def test_nothing_of_a_busted_contract_can_be_disputed(settled: Connection) -> None:
    endings.bust(settled, "con", AT)
    with pytest.raises(Conflict, match="busted"):
        doubt(settled, 2, 5)


def test_a_repeated_report_of_a_disputed_minute_is_no_conflict(settled: Connection) -> None:
    doubt(settled, 2, 5)
    deliver(settled, Agent(), "con", START, [60] * 8)
    assert refused(settled, FIRST, 9) == []
    assert check(settled) == []


@pytest.fixture
def conflicting(settled: Connection) -> Connection:
    """The node says another number of minute 3 later on."""
    agent = Agent(sequence=8)
    metering.record(settled, NOW, [agent.report(START + 3, {"con": 20})])
    return settled


def test_conflicting_records_are_kept_and_listed(conflicting: Connection) -> None:
    [record] = refused(conflicting, FIRST, 9, contract="con")
    assert (record.minute, record.seconds, record.reason) == (START + 3, 20, "conflicting")
    assert refused(conflicting, place_of(record), 9) == []
    assert refused(conflicting, FIRST, 9, reason="wrong_node") == []


@pytest.mark.parametrize(("seconds", "billed"), [(20, 7), (60, 8), (0, 7)])
def test_an_operator_decides_what_counts_of_a_conflict(conflicting: Connection, seconds: int, billed: int) -> None:
    disputes.decide_minute(conflicting, "con", START + 3, seconds, "the log says so", AT)
    assert ledger.balances(conflicting, "buyer")["escrow"] == cost(10) - cost(billed)
    assert check(conflicting) == []
    with pytest.raises(Conflict, match="already"):
        disputes.decide_minute(conflicting, "con", START + 3, seconds, "again", AT)
    with pytest.raises(NotFound):
        disputes.decide_minute(conflicting, "con", START + 9, seconds, "no record", AT)


def test_a_decision_may_bill_more_than_the_first_record_but_not_of_a_complete_contract(books: Connection) -> None:
    trade(books, contract("con"), contract("done"))
    agent = Agent()
    for minute in range(10):
        metering.record(books, NOW, [agent.report(START + minute, {"con": 30, "done": 60 if minute < 9 else 0})])
    done = replace(agent.report(START + 9, {}), guests=(GuestMinute("done", 60, 1),))
    metering.record(books, NOW, [done])
    disputes.decide_minute(books, "con", START + 3, 60, "it was all there", AT)
    assert ledger.balances(books, "buyer")["escrow"] == 2 * cost(10) - cost(5)
    complete(books, LAST + GRACE, AT, GRACE, 10)
    with pytest.raises(Conflict, match="complete"):
        disputes.decide_minute(books, "done", START + 9, 60, "too late", AT)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_disputed_and_decided_only_what_counts_in_the_end_is_paid(
    database: Engine, data: st.DataObject
) -> None:
    seconds = data.draw(st.lists(st.sampled_from([60, 59, 30, 0]), min_size=10, max_size=10))
    upheld: set[int] = set()
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, contract("con", price_micros=data.draw(st.integers(1, 999))))
        deliver(connection, Agent(), "con", START, seconds)
        doubted: set[int] = set()
        for _ in range(data.draw(st.integers(1, 4))):
            step = data.draw(st.sampled_from(["settle", "complete", "nothing"]))
            if step == "settle":
                settle(connection, AT)
            elif step == "complete":
                complete(connection, LAST + GRACE, AT, GRACE, 10)
            first, last = sorted(data.draw(st.lists(st.integers(0, 10), min_size=2, max_size=2, unique=True)))
            fresh = set(range(first, last)) - doubted
            if fresh:
                made = doubt(connection, first, last)
                doubted |= fresh
                decision = data.draw(st.sampled_from([UPHELD, REJECTED]))
                assert check(connection) == []
                disputes.decide(connection, made.id, decision, "decided", AT)
                upheld |= fresh if decision == UPHELD else set()
        complete(connection, LAST + GRACE, AT, GRACE, 10)
        assert check(connection) == []
        billed = sum(each for minute, each in enumerate(seconds) if minute not in upheld) // 60
        query = "SELECT billed_minutes FROM billable_contract"
        assert connection.exec_driver_sql(query).scalar_one() == billed
        assert ledger.balances(connection, "buyer")["escrow"] == 0
        taken_back.rollback()
