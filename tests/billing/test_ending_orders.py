"""Whatever the ending, and whenever the reports of elapsed minutes arrive: the same books, and nothing left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from billing import contracts, endings, ledger, metering
from billing.completion import complete
from billing.contracts import NewContract
from billing.invariants import check
from billing.settlement import settle
from tests.billing.factories import (
    AT,
    GRACE,
    NOW,
    START,
    TERMS,
    Agent,
    contract,
    everybody,
    open_market,
    open_participants,
    trade,
)


def end(connection: Connection, kind: str, minute: int) -> None:
    if kind == "release":
        endings.release(connection, "con", minute, AT)
    elif kind == "reclaim":
        endings.reclaim(connection, "con", minute, AT)
    elif kind == "fail":
        endings.fail(connection, "con", minute, 77, AT)
    else:
        contracts.end_at(connection, "con", minute)


def play(
    connection: Connection, traded: NewContract, kind: str, at: int, first: Sequence[int], seconds: Sequence[int]
) -> object:
    """Report these minutes first, end the contract, report the rest."""
    open_market(connection)
    open_participants(connection, "buyer", "provider", cash_micros=10**12)
    trade(connection, traded)
    agent = Agent()
    for minute in first:
        metering.record(connection, NOW, [agent.report(START + minute, {"con": seconds[minute]})])
    settle(connection, AT)
    end(connection, kind, START + at)
    assert check(connection) == []
    for minute in (minute for minute in range(10) if minute not in first):
        metering.record(connection, NOW, [agent.report(START + minute, {"con": seconds[minute]})])
    complete(connection, START + 10 + GRACE, AT, GRACE, 10)
    assert ledger.balances(connection, "buyer")["escrow"] == 0
    assert ledger.balances(connection, "provider")["bond"] == 0
    assert check(connection) == []
    return everybody(connection, "buyer", "provider")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_reports_before_or_after_the_ending_make_the_same_books(database: Engine, data: st.DataObject) -> None:
    seconds = data.draw(st.lists(st.sampled_from([60, 59, 30, 0]), min_size=10, max_size=10))
    at = data.draw(st.integers(0, 9))
    kind = data.draw(st.sampled_from(["release", "reclaim", "fail", "end_at"]))
    traded = contract(
        "con",
        price_micros=data.draw(st.integers(1, 10**5)),
        slices=data.draw(st.integers(1, 5)),
        bond_ppm=data.draw(st.sampled_from([0, 100_000, 999_999])),
        terms=replace(TERMS, release_ppm=data.draw(st.sampled_from([0, 1, 333_333, 1_000_000]))),
    )
    shuffled = data.draw(st.permutations(range(at)))
    some = shuffled[: data.draw(st.integers(0, at))]
    results = []
    for reported in (some, range(at)):
        # The last elapsed minute pins the cut, so it comes first in both orders.
        first = [*([at - 1] if at else []), *(minute for minute in reported if minute != at - 1)]
        with database.connect() as connection, connection.begin() as taken_back:
            results.append(play(connection, traded, kind, at, first, seconds))
            taken_back.rollback()
    assert results[0] == results[1]
