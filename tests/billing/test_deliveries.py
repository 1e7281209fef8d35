"""A guest that delivers several contracts: each has its minutes, whatever is shuffled, repeated or late."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from billing import completion, contracts, deliveries, disputes, metering
from billing.deliveries import Delivery
from billing.invariants import check
from billing.settlement import settle
from billing.tables import usage_minute, usage_refused
from common.minutes import Window
from common.wire import GuestMinute, UsageReport
from tests.billing.factories import (
    AT,
    GRACE,
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

PEOPLE = ("provider", "first", "second", "third")
END = START + 10


def chain(connection: Connection) -> None:
    """`first` has bought a window, sold its rest to `second` from minute 3 on, and that one to `third` from minute
    6."""
    trade(
        connection,
        contract("con1", buyer="first"),
        contract("con2", buyer="second", provider="first", start=START + 3, minutes=7, bond_ppm=0, price_micros=500),
        contract("con3", buyer="third", provider="second", start=START + 6, minutes=4, bond_ppm=0, price_micros=7),
    )
    links = [Delivery("con1", "con2", START + 3, END), Delivery("con2", "con3", START + 6, END)]
    deliveries.deliver(connection, links)


@pytest.fixture
def chained(books: Connection) -> Connection:
    open_participants(books, *PEOPLE[1:])
    chain(books)
    return books


def seconds(connection: Connection, contract_id: str) -> dict[int, int]:
    """Of each minute since the start that counts."""
    return {minute - START: counted for minute, counted in metering.minutes(connection, contract_id, 0, 100)}


def refused(connection: Connection) -> set[tuple[Any, ...]]:
    columns = usage_refused.c
    rows = connection.execute(select(columns.contract_id, columns.minute, columns.seconds, columns.reason))
    return {tuple(row) for row in rows}


def test_what_is_reported_for_the_last_counts_for_all_of_the_chain(chained: Connection) -> None:
    agent = Agent()
    deliver(chained, agent, "con1", START, [60, 50, 60])
    deliver(chained, agent, "con2", START + 3, [40, 60, 60])
    deliver(chained, agent, "con3", START + 6, [60, 30])
    assert seconds(chained, "con1") == {0: 60, 1: 50, 2: 60, 3: 40, 4: 60, 5: 60, 6: 60, 7: 30}
    assert seconds(chained, "con2") == {3: 40, 4: 60, 5: 60, 6: 60, 7: 30}
    assert seconds(chained, "con3") == {6: 60, 7: 30}
    settle(chained, AT)
    assert check(chained) == []


def test_a_record_counts_once_whichever_ways_lead_to_a_contract(chained: Connection) -> None:
    in_a_ring = Delivery("con2", "con1", START + 3, END)
    deliveries.deliver(chained, [Delivery("con1", "con3", START + 8, END), in_a_ring])
    deliver(chained, Agent(), "con3", START + 6, [60, 60, 60, 60])
    assert seconds(chained, "con1") == seconds(chained, "con2") == {6: 60, 7: 60, 8: 60, 9: 60}
    assert chained.execute(select(usage_refused)).all() == []


def test_a_contract_that_another_delivers_has_no_records_of_its_own(chained: Connection) -> None:
    deliver(chained, Agent(), "con1", START + 2, [60, 60])
    assert seconds(chained, "con1") == {2: 60}
    assert refused(chained) == {("con1", START + 3, 60, "delivered_by_another")}


def test_what_may_not_count_for_the_one_counts_for_no_other(chained: Connection) -> None:
    contracts.end_at(chained, "con3", START + 7)
    deliver(chained, Agent(), "con3", START + 6, [60, 60])
    assert seconds(chained, "con1") == seconds(chained, "con2") == {6: 60}
    assert refused(chained) == {("con3", START + 7, 60, "after_end")}


def test_from_its_end_on_a_delivery_leaves_the_contract_to_its_own_guest(chained: Connection) -> None:
    deliveries.end(chained, "con2", START + 5)
    agent = Agent()
    deliver(chained, agent, "con2", START + 3, [60, 60])
    deliver(chained, agent, "con1", START + 5, [60] * 5)
    assert list(seconds(chained, "con1")) == [3, 4, 5, 6, 7, 8, 9]
    deliveries.end(chained, "con3", START + 6)
    deliveries.deliver(chained, [Delivery("con2", "con3", START + 6, END)])  # its minutes are free again


def test_the_chain_completes_with_its_watermark_and_all_is_settled(chained: Connection) -> None:
    agent = Agent()
    deliver(chained, agent, "con1", START, [60] * 3)
    deliver(chained, agent, "con2", START + 3, [60] * 3)
    deliver(chained, agent, "con3", START + 6, [60] * 4)
    done = completion.complete(chained, END, AT, GRACE, 10)
    assert [(each.contract_id, each.billed_minutes) for each in done] == [("con1", 10), ("con2", 7), ("con3", 4)]
    assert check(chained) == []


def test_a_dispute_is_of_one_contract(chained: Connection) -> None:
    deliver(chained, Agent(), "con3", START + 6, [60] * 4)
    disputes.dispute(chained, "con3", Window(START + 6, START + 8), "down", AT)
    assert seconds(chained, "con3") == {6: 0, 7: 0, 8: 60, 9: 60}
    assert seconds(chained, "con2") == {6: 60, 7: 60, 8: 60, 9: 60}
    settle(chained, AT)
    assert check(chained) == []


def said(contract_id: str, first: int, delivered: list[int]) -> list[tuple[str, int, int]]:
    return [(contract_id, START + first + offset, seconds) for offset, seconds in enumerate(delivered)]


MINUTES = st.lists(st.integers(0, 60), max_size=10)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MINUTES, MINUTES, MINUTES, st.integers(4, 10), st.data())
def test_any_shuffled_repeated_and_delayed_stream_ends_in_the_same_books(
    database: Engine, first: list[int], second: list[int], third: list[int], ended: int, data: st.DataObject
) -> None:
    """Also where agents report what they should not: guests that went on though another one had taken over."""
    told = said("con1", 0, first) + said("con2", 3, second[:7]) + said("con3", 6, third[:4])
    reports = [
        UsageReport("node", number, minute, (GuestMinute(name, spent, number),))
        for number, (name, minute, spent) in enumerate(told, 1)
    ]
    repeated = data.draw(st.lists(st.sampled_from(reports), max_size=5)) if reports else []
    twice = data.draw(st.permutations(reports + repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(twice)), max_size=4)))
    chunks = [twice[left:right] for left, right in zip([0, *cuts], [*cuts, len(twice)], strict=True)]
    assert _play(database, [reports], ended, settle_between=False) == _play(
        database, chunks, ended, settle_between=True
    )


def _play(database: Engine, chunks: list[list[UsageReport]], ended: int, *, settle_between: bool) -> object:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, *PEOPLE)
        chain(connection)
        contracts.end_at(connection, "con3", START + max(ended, 6))
        deliveries.end(connection, "con3", START + ended)
        for chunk in chunks:
            metering.record(connection, NOW, chunk)
            if settle_between:
                settle(connection, AT)
        settle(connection, AT)
        assert check(connection) == []
        rows = connection.execute(select(usage_minute).order_by(usage_minute.c.contract_id, usage_minute.c.minute))
        result = everybody(connection, *PEOPLE), refused(connection), [tuple(row) for row in rows]
        taken_back.rollback()
    return result
