"""Contracts that end early: each party gets what the rules say, and nothing stays in escrow and bond."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, select

from billing import endings, ledger, metering, periods
from billing.completion import complete
from billing.credits import CreditRequest, credit
from billing.invariants import check
from billing.settlement import settle
from billing.tables import billed_day, usage_refused
from common.errors import Conflict, NotFound
from common.minutes import minute_start, month_window
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
    trade,
)

LAST = START + 10
ESCROW, BOND = 6_660 + 1_265, 666
GROSS_4 = 333 * 2 * 4


def finish(connection: Connection) -> None:
    complete(connection, LAST + GRACE, AT, GRACE, 10)
    assert ledger.balances(connection, "buyer")["escrow"] == 0
    assert ledger.balances(connection, "provider")["bond"] == 0
    assert check(connection) == []


def test_a_release_pays_the_minutes_used_and_the_fee_and_frees_the_rest_at_once(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 4)
    settle(books, AT)
    ended = endings.release(books, "con", START + 4, AT)
    fee = 333 * 2 * 6 * 20 // 100
    assert (ended.minute, ended.fee_micros) == (START + 4, fee + fee * 19 // 100)
    gross = GROSS_4 + 333 * 2 * 6 * 20 // 100
    buyer, provider, market = (ledger.balances(books, owner) for owner in ("buyer", "provider", "market"))
    assert buyer["cash"] == CASH - gross - gross * 19 // 100
    assert buyer["escrow"] == 0
    net = gross - gross * 5 // 100
    assert (provider["earned"], provider["cash"], provider["bond"]) == (net + net * 19 // 100, CASH, 0)
    assert (market["fees"], market["tax"]) == (gross * 5 // 100, gross * 19 // 100 - net * 19 // 100)
    assert check(books) == []
    finish(books)


def test_a_release_frees_only_minutes_that_are_still_to_come(books: Connection) -> None:
    trade(books, contract("con"))
    agent = Agent()
    early = agent.reports("con", START, [60] * 4)
    endings.release(books, "con", START + 4, AT)
    held = ledger.balances(books, "buyer")["escrow"]
    gross = GROSS_4 + 333 * 2 * 6 * 20 // 100
    fee = 333 * 2 * 6 * 20 // 100
    assert held == gross + gross * 19 // 100 - fee - fee * 19 // 100
    assert ledger.balances(books, "provider")["bond"] == 666 * 4 // 10
    metering.record(books, NOW, early)
    deliver(books, agent, "con", START + 4, [60])
    assert books.execute(select(usage_refused.c.reason)).scalars().all() == ["after_end"]
    assert settle(books, AT).minutes == 4
    assert ledger.balances(books, "buyer")["escrow"] == 0
    finish(books)


def test_once_the_provider_is_late_release_is_free(books: Connection) -> None:
    trade(books, contract("con"))
    endings.release(books, "con", START + 2, AT, free=True)
    finish(books)
    assert ledger.balances(books, "buyer")["cash"] == CASH
    assert ledger.balances(books, "provider")["cash"] == CASH


def test_a_release_before_the_start_is_billed_in_the_month_of_the_release(books: Connection) -> None:
    start = month_window("2026-12").start
    trade(books, contract("con", start=start))
    assert endings.release(books, "con", START + 9, AT).minute == start
    fee = 6_660 * 20 // 100
    assert ledger.balances(books, "buyer")["cash"] == CASH - fee - fee * 19 // 100
    assert [period.month for period in periods.list_periods(books)] == [MONTH, "2026-11", "2026-12"]
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    rows = books.execute(select(billed_day.c.day, billed_day.c.item, billed_day.c.gross_micros)).all()
    assert [(row.day.isoformat(), row.item, row.gross_micros) for row in rows] == [("2026-10-01", "release", fee)]
    assert check(books) == []
    complete(books, start, AT, GRACE, 10)
    assert check(books) == []


def test_the_release_fee_is_a_line_of_its_own_and_the_days_add_up(books: Connection) -> None:
    trade(books, contract("con", minutes=3000))
    deliver(books, Agent(), "con", START, [60] * 1500)
    endings.release(books, "con", START + 1500, AT)
    complete(books, START + 1500, AT, GRACE, 10)
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    rows = books.execute(select(billed_day).order_by(billed_day.c.item, billed_day.c.day)).all()
    assert [(row.item, row.day.day, row.billed_minutes) for row in rows] == [
        ("release", 2, 1500),
        ("usage", 1, 1440),
        ("usage", 2, 60),
    ]
    assert check(books) == []


def test_a_reclaim_pays_the_break_fee_out_of_the_bond(books: Connection) -> None:
    trade(books, contract("con", bond_ppm=150_000))
    deliver(books, Agent(), "con", START, [60] * 4)
    settle(books, AT)
    owed = endings.reclaim(books, "con", START + 4, AT).compensation_micros
    assert owed == 333 * 2 * 6 * 10 // 100
    assert ledger.balances(books, "buyer")["cash"] == CASH - GROSS_4 - GROSS_4 * 19 // 100 + owed
    assert ledger.balances(books, "provider")["cash"] == CASH - owed
    finish(books)


def test_a_break_fee_is_capped_by_the_bond_of_the_rest(books: Connection) -> None:
    trade(books, contract("con", bond_ppm=50_000))
    assert endings.reclaim(books, "con", START, AT).compensation_micros == 333
    finish(books)


@pytest.mark.parametrize(("replacement", "to_buyer"), [(0, 0), (100, 100), (10**9, 400)])
def test_a_failure_pays_the_replacement_out_of_the_bond_and_the_reserve_gets_the_rest(
    books: Connection, replacement: int, to_buyer: int
) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 4)
    assert endings.fail(books, "con", START + 4, replacement, AT).compensation_micros == to_buyer
    settle(books, AT)
    assert ledger.balances(books, "buyer")["cash"] == CASH - GROSS_4 - GROSS_4 * 19 // 100 + to_buyer
    assert ledger.balances(books, "market")["reserve"] == 400 - to_buyer
    assert ledger.balances(books, "provider")["cash"] == CASH - 400
    finish(books)


def test_minutes_that_were_reported_before_stay_billed(books: Connection) -> None:
    """A report may be ahead of the command by a minute: the agent's clock is."""
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 5)
    assert endings.release(books, "con", START + 3, AT).minute == START + 5
    settle(books, AT)
    finish(books)


def test_a_bust_takes_everything_back_in_its_proportions(books: Connection) -> None:
    before = everybody(books, "buyer", "provider")
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60] * 6)
    settle(books, AT)
    endings.bust(books, "con", AT)
    assert everybody(books, "buyer", "provider") == before
    assert check(books) == []
    assert complete(books, LAST + GRACE, AT, GRACE, 10) == []
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    assert check(books) == []


def test_a_bust_after_the_close_credits_what_was_billed(books: Connection) -> None:
    before = everybody(books, "buyer")
    trade(books, contract("con", start=END - 5), contract("other", start=END - 5))
    agent = Agent()
    for minute in range(END - 5, END + 2):
        metering.record(books, NOW, [agent.report(minute, {"con": 60, "other": 60})])
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    endings.bust(books, "con", AT)
    assert check(books) == []
    endings.bust(books, "other", AT)
    assert everybody(books, "buyer") | {"market": {}} == before | {"market": {}}
    market = ledger.balances(books, "market")
    assert (market["fees"], market["tax"], market["reserve"]) == (0, 0, 0)
    assert check(books) == []


ENDINGS: dict[str, Callable[[Connection], object]] = {
    "release": lambda connection: endings.release(connection, "con", START + 4, AT),
    "reclaim": lambda connection: endings.reclaim(connection, "con", START + 4, AT),
    "fail": lambda connection: endings.fail(connection, "con", START + 4, 0, AT),
    "bust": lambda connection: endings.bust(connection, "con", AT),
}


@pytest.mark.parametrize("first", ENDINGS)
@pytest.mark.parametrize("second", ENDINGS)
def test_a_contract_ends_once(books: Connection, first: str, second: str) -> None:
    with pytest.raises(NotFound):
        ENDINGS[first](books)
    trade(books, contract("con"))
    ENDINGS[first](books)
    before = everybody(books, "buyer", "provider")
    with pytest.raises(Conflict) as caught:
        ENDINGS[second](books)
    assert caught.value.code == "state_forbids"
    assert everybody(books, "buyer", "provider") == before


def test_of_a_contract_that_is_over_nothing_can_be_ended(books: Connection) -> None:
    trade(books, contract("con"))
    for ending in (endings.release, endings.reclaim):
        with pytest.raises(Conflict, match="nothing is left"):
            ending(books, "con", LAST, AT)


def credit_of(minutes: int, key: str = "one", day: int = 1) -> CreditRequest:
    return CreditRequest("con", minute_start(START + (day - 1) * 1440).date(), minutes, key, "it was slow")


def test_a_busted_contract_cannot_be_credited_again(books: Connection) -> None:
    trade(books, contract("con", minutes=1500))
    deliver(books, Agent(), "con", START, [60] * 1500)
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    credit(books, credit_of(7), AT)
    endings.bust(books, "con", AT)
    assert ledger.balances(books, "buyer")["cash"] == CASH
    with pytest.raises(Exception, match="0 billed minutes are left"):
        credit(books, credit_of(1, "two"), AT)
    assert check(books) == []
