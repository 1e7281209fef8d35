"""Usage reports, in any order and any number, leave the same minutes, totals and balances."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from billing import contracts, metering
from billing.invariants import check
from billing.settlement import settle
from billing.tables import billable_contract, billing_period, usage_minute, usage_refused, usage_watermark
from billing.watermarks import Recorded
from common.wire import GuestMinute, UsageReport
from tests.billing.factories import (
    AT,
    MONTH,
    NOW,
    START,
    Agent,
    contract,
    everybody,
    open_market,
    open_participants,
    trade,
)


def delivered(connection: Connection, contract_id: str = "con") -> int:
    query = select(billable_contract.c.delivered_seconds).where(billable_contract.c.contract_id == contract_id)
    return int(connection.execute(query).scalar_one())


def refused(connection: Connection) -> list[tuple[str, int, int, str]]:
    columns = usage_refused.c
    query = select(columns.contract_id, columns.minute, columns.seconds, columns.reason)
    return [tuple(row) for row in connection.execute(query.order_by(columns.sequence, columns.contract_id))]


def guest(contract_id: str, seconds: int, epoch: int = 1) -> GuestMinute:
    return GuestMinute(contract_id, seconds, epoch)


@pytest.fixture
def traded(books: Connection) -> Connection:
    trade(books, contract("con"))
    return books


def test_new_minutes_are_counted_and_move_the_watermark(traded: Connection) -> None:
    reports = Agent().reports("con", START, [60, 0, 59])
    assert metering.record(traded, NOW, reports) == {("node", 0): Recorded(3, None)}
    assert delivered(traded) == 119


def test_a_repeated_report_changes_nothing_and_is_answered_again(traded: Connection) -> None:
    reports = Agent().reports("con", START, [60, 30])
    metering.record(traded, NOW, [*reports, reports[0]])
    assert metering.record(traded, NOW, reports) == {("node", 0): Recorded(2, None)}
    assert delivered(traded) == 90
    assert refused(traded) == []


def test_a_gap_holds_the_watermark_and_names_the_first_missing_report(traded: Connection) -> None:
    reports = Agent().reports("con", START, [60] * 6)
    assert metering.record(traded, NOW, [reports[1], reports[4]]) == {("node", 0): Recorded(0, 1)}
    assert metering.record(traded, NOW, [reports[0]]) == {("node", 0): Recorded(2, 3)}
    assert metering.record(traded, NOW, [reports[3], reports[2]]) == {("node", 0): Recorded(5, None)}
    assert delivered(traded) == 300


def test_lives_of_an_agents_file_are_numbered_apart(traded: Connection) -> None:
    """The second life repeats what the first told, and goes on; the first one's gap stays its own."""
    old = Agent().reports("con", START, [60, 60, 60])
    new = [replace(report, life=7) for report in Agent().reports("con", START + 1, [60, 60, 30])]
    assert metering.record(traded, NOW, [old[0], old[2]]) == {("node", 0): Recorded(1, 2)}
    assert metering.record(traded, NOW, new) == {("node", 7): Recorded(3, None)}
    assert metering.record(traded, NOW, [old[2], *new]) == {("node", 0): Recorded(1, 2), ("node", 7): Recorded(3, None)}
    assert delivered(traded) == 60 + 60 + 60 + 30
    assert refused(traded) == []


def test_an_empty_report_counts_in_the_sequence(traded: Connection) -> None:
    assert metering.record(traded, NOW, [Agent().report(START, {})]) == {("node", 0): Recorded(1, None)}


def test_a_different_second_record_is_kept_as_a_dispute_and_the_first_counts(traded: Connection) -> None:
    first = UsageReport("node", 1, START, (guest("con", 60),))
    metering.record(traded, NOW, [first, replace(first, sequence=2, guests=(guest("con", 50),))])
    metering.record(traded, NOW, [replace(first, sequence=3, guests=(guest("con", 60, epoch=2),))])
    metering.record(traded, NOW, [replace(first, sequence=4)])
    assert delivered(traded) == 60
    assert refused(traded) == [("con", START, 50, "conflicting"), ("con", START, 60, "conflicting")]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (UsageReport("node", 1, START, (guest("con", 61),)), "invalid_seconds"),
        (UsageReport("node", 1, START, (guest("con", -1),)), "invalid_seconds"),
        (UsageReport("node", 1, START, (guest("other", 60),)), "unknown_contract"),
        (UsageReport("other", 1, START, (guest("con", 60),)), "wrong_node"),
        (UsageReport("node", 1, START - 1, (guest("con", 60),)), "outside_window"),
        (UsageReport("node", 1, START + 10, (guest("con", 60),)), "outside_window"),
        (UsageReport("node", 1, START + 5, (guest("con", 60),)), "after_end"),
    ],
)
def test_what_may_not_count_is_refused_and_kept(traded: Connection, report: UsageReport, reason: str) -> None:
    contracts.end_at(traded, "con", START + 5)
    contracts.end_at(traded, "con", START + 7)
    metering.record(traded, NOW, [report, report])
    metering.record(traded, NOW, [report])
    assert [row[3] for row in refused(traded)] == [reason]
    assert delivered(traded) == 0
    assert metering.record(traded, NOW, [report]) == {(report.node, 0): Recorded(1, None)}


def test_after_the_close_only_repetitions_pass_unnoticed(traded: Connection) -> None:
    agent = Agent()
    known, late = agent.reports("con", START, [60, 60])
    metering.record(traded, NOW, [known])
    traded.execute(billing_period.insert().values(month=MONTH, state="closed", closed_at_micros=AT))
    metering.record(traded, NOW, [known, late, replace(known, sequence=3, guests=(guest("con", 1),))])
    assert delivered(traded) == 60
    assert refused(traded) == [("con", START + 1, 60, "after_close"), ("con", START, 1, "conflicting")]


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800", "x" * 10_000, "con\x00", "'; DROP TABLE usage_minute; --"], ids=range(5)
)
def test_what_a_hostile_agent_says_harms_nobody_else(traded: Connection, text: str) -> None:
    huge = GuestMinute(text, 2**70, -(2**80), 2**64, 2**64, 2**64, 2**64)
    hostile = UsageReport("node", 1, START, (huge, guest(text, 60), guest("con", 60)))
    beyond = [UsageReport("node", 2**63, START, ()), UsageReport("node", 0, START, ()), UsageReport("x", 5, 2**31, ())]
    assert metering.record(traded, NOW, [hostile, *beyond]) == {("node", 0): Recorded(1, None)}
    assert delivered(traded) == 60
    assert {row[3] for row in refused(traded)} == {"invalid_seconds", "unknown_contract"}


SECONDS = st.lists(st.integers(0, 60), min_size=1, max_size=10)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECONDS, SECONDS, st.data())
def test_any_shuffled_and_duplicated_stream_ends_in_the_same_books(
    database: Engine, first: list[int], second: list[int], data: st.DataObject
) -> None:
    one, two = Agent("node"), Agent("node2")
    reports = one.reports("con", START, first) + two.reports("con2", START, second)
    twice = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=5))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(twice)), max_size=4)))
    chunks = [twice[left:right] for left, right in zip([0, *cuts], [*cuts, len(twice)], strict=True)]
    assert _play(database, [[report] for report in reports], settle_between=False) == _play(
        database, chunks, settle_between=True
    )


def _play(database: Engine, chunks: list[list[UsageReport]], *, settle_between: bool) -> object:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, contract("con"), contract("con2", node="node2", price_micros=7, slices=3))
        for chunk in chunks:
            metering.record(connection, NOW, chunk)
            if settle_between:
                settle(connection, AT)
        settle(connection, AT)
        assert check(connection) == []
        assert refused(connection) == []
        minutes = select(usage_minute).order_by(usage_minute.c.contract_id, usage_minute.c.minute)
        books = everybody(connection, "buyer", "provider")
        marks = [tuple(row) for row in connection.execute(select(usage_watermark).order_by(usage_watermark.c.node_id))]
        result = books, marks, [tuple(row) for row in connection.execute(minutes)]
        taken_back.rollback()
    return result


def test_workers_that_record_the_same_reports_at_once_count_them_once(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, *(contract(f"con{number}", node=f"node{number % 2}") for number in range(6)))
    agents = [Agent("node0"), Agent("node1")]
    reports = [
        agent.report(START + minute, {f"con{number}": 60 for number in range(6) if f"node{number % 2}" == agent.node})
        for minute in range(10)
        for agent in agents
    ]

    def work(worker: int) -> None:
        ordered = reports if worker % 2 else reports[::-1]
        for position in range(0, len(ordered), 4):
            with database.begin() as connection:
                metering.record(connection, NOW, ordered[position : position + 4])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with database.begin() as connection:
        assert [delivered(connection, f"con{number}") for number in range(6)] == [600] * 6
        assert metering.record(connection, NOW, reports) == {(agent.node, 0): Recorded(10, None) for agent in agents}


def test_a_minute_that_is_still_to_come_counts_only_once_it_has_come(traded: Connection) -> None:
    early = Agent().report(START + 1, {"con": 60})
    assert metering.record(traded, START, [early]) == {}
    assert delivered(traded) == 0
    assert metering.record(traded, START + 1, [early]) == {("node", 0): Recorded(1, None)}
    assert delivered(traded) == 60
