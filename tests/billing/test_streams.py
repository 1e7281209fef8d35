"""Streams of usage reports, shuffled, repeated, late and with gaps that are resent, end in identical books: at the ends
of months and years, on leap days, and in the nights in which a buyer or a provider changes its clocks."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select

from billing import metering, periods
from billing.completion import complete
from billing.invariants import check
from billing.settlement import settle
from billing.tables import billable_contract, billed_day, document
from common.minutes import minute_of, minute_start, month_of, month_window, parse_minute
from common.wire import UsageReport
from tests.billing.factories import Agent, contract, everybody, open_market, open_participants, trade

GRACE = 60
LONG = 20
NIGHTS = {
    "the end of a month": "2026-11-30T23:50:00Z",
    "the end of a year": "2026-12-31T23:50:00Z",
    "the day before a leap day": "2028-02-28T23:50:00Z",
    "the end of a leap day's month": "2028-02-29T23:50:00Z",
    "Berlin goes over to summer time": "2026-03-29T00:50:00Z",
    "Berlin goes over to winter time": "2026-10-25T00:50:00Z",
    "New York goes over to summer time": "2026-03-08T06:50:00Z",
    "New York goes over to winter time": "2026-11-01T05:50:00Z",
}


def finish(connection: Connection, start: int) -> object:
    """Complete, close every month, check; what the books say then."""
    over = month_window(month_of(start + LONG - 1)).end + GRACE
    complete(connection, over, over, GRACE, 10)
    for period in periods.list_periods(connection):
        periods.close(connection, period.month, over, over * 60_000_000, GRACE)
    assert check(connection) == []
    days = select(billed_day).order_by(billed_day.c.contract_id, billed_day.c.day)
    papers = select(document.c.kind, document.c.month, document.c.total_cents, document.c.rounding_micros)
    return (
        everybody(connection, "buyer", "provider"),
        [tuple(row) for row in connection.execute(days)],
        sorted(tuple(row) for row in connection.execute(papers)),
    )


def play(database: Engine, start: int, batches: list[list[UsageReport]], *, busy: bool) -> object:
    """Record these batches; a `busy` worker settles and completes in between."""
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        trade(connection, contract("con", start=start, minutes=LONG), contract("con2", start=start, node="node2"))
        for batch in batches:
            metering.record(connection, start + LONG + GRACE, batch)
            if busy:
                settle(connection, start)
                complete(connection, start + LONG, start, GRACE, 10)
        result = finish(connection, start)
        taken_back.rollback()
    return result


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(NIGHTS)), st.data())
def test_any_stream_that_says_the_same_ends_in_identical_books(
    database: Engine, night: str, data: st.DataObject
) -> None:
    start = parse_minute(NIGHTS[night], field="start")
    seconds = st.lists(st.sampled_from([60, 60, 59, 31, 0]), min_size=LONG, max_size=LONG)
    reports = Agent("node").reports("con", start, data.draw(seconds))
    reports += Agent("node2").reports("con2", start, data.draw(seconds)[:10])
    again = data.draw(st.lists(st.sampled_from(reports), max_size=10))
    lost_at_first = data.draw(st.sets(st.sampled_from(range(len(reports))), max_size=6))
    sent = [report for number, report in enumerate(reports) if number not in lost_at_first]
    stream = data.draw(st.permutations(sent + again)) + [reports[number] for number in sorted(lost_at_first)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    batches = [stream[left:right] for left, right in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert play(database, start, batches, busy=True) == play(database, start, [[one] for one in reports], busy=False)


@pytest.mark.parametrize("night", NIGHTS)
def test_no_minute_of_such_a_night_is_lost_or_billed_twice(books: Connection, night: str) -> None:
    start = parse_minute(NIGHTS[night], field="start")
    trade(books, contract("con", start=start, minutes=LONG))
    metering.record(books, start + LONG, Agent().reports("con", start, [60] * LONG))
    finish(books, start)
    by_day = {row.day.isoformat(): row.billed_minutes for row in books.execute(select(billed_day))}
    expected: dict[str, int] = {}
    for minute in range(start, start + LONG):
        day = minute_start(minute).date().isoformat()
        expected[day] = expected.get(day, 0) + 1
    assert by_day == expected
    billed = select(billable_contract.c.billed_minutes)
    assert books.execute(billed).scalar_one() == LONG


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
    ],
)
def test_a_local_day_that_is_an_hour_short_or_long_is_billed_by_its_minutes(
    books: Connection, zone: str, day: str, hours: int
) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    start, end = minute_of(midnight), minute_of(midnight.replace(day=midnight.day + 1))
    trade(books, contract("con", start=start, minutes=end - start))
    metering.record(books, end, Agent().reports("con", start, [60] * (end - start)))
    complete(books, end, end, GRACE, 10)
    settled = select(func.sum(billable_contract.c.billed_minutes))
    assert books.execute(settled).scalar_one() == hours * 60
    assert check(books) == []
