"""The ledger's one function, against a plain model and against everything that it must refuse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from billing import ledger
from billing.chart import ROUTES
from billing.invariants import check
from billing.tables import ledger_entry
from billing.transfers import Entry, Transfer
from common.errors import Conflict, NotFound
from tests.billing.factories import AT, CASH, open_market, open_participants

OWNERS = ("ada", "bob", "cyd")


def move(key: str, source: str, target: str, amount: int, reference: str | None = None) -> Transfer:
    """A transfer of the first kind that may move money from `source` to `target`."""
    flow = source.partition("/")[2], target.partition("/")[2]
    kind = next(kind for kind, flows in ROUTES.items() if flow in flows)
    return Transfer(key, kind, AT, (Entry(source, -amount, reference), Entry(target, amount, reference)))


def rows(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(ledger_entry)).scalar_one())


def test_the_same_transfer_twice_is_posted_once(books: Connection) -> None:
    transfer = move("once", "buyer/cash", "buyer/escrow", 10)
    ledger.post(books, [transfer, transfer])
    ledger.post(books, [Transfer("once", "trade", AT + 99, transfer.entries)])
    assert ledger.balances(books, "buyer")["escrow"] == 10


@pytest.mark.parametrize(
    "other",
    [
        move("once", "buyer/cash", "buyer/escrow", 11),
        move("once", "buyer/cash", "buyer/bond", 10),
        move("once", "buyer/cash", "buyer/escrow", 10, "con"),
        move("once", "buyer/escrow", "buyer/cash", 10),
    ],
)
def test_the_same_key_with_another_content_is_a_conflict(books: Connection, other: Transfer) -> None:
    ledger.post(books, [move("once", "buyer/cash", "buyer/escrow", 10)])
    before = rows(books)
    with pytest.raises(Conflict, match="once") as caught:
        ledger.post(books, [move("fresh", "buyer/cash", "buyer/escrow", 1), other])
    assert caught.value.code == "transfer_conflict"
    assert rows(books) == before


def test_a_broken_floor_names_its_accounts_and_writes_nothing(books: Connection) -> None:
    before = rows(books)
    transfers = [move("a", "buyer/cash", "buyer/escrow", CASH + 1), move("b", "provider/bond", "provider/cash", 1)]
    with pytest.raises(ledger.FloorBroken) as caught:
        ledger.post(books, transfers, {"provider": 5})
    assert caught.value.accounts == ("buyer/cash", "provider/bond")
    assert caught.value.code == "insufficient_funds"
    assert rows(books) == before
    assert ledger.reserved_by_participant(books) == {}


def test_reserved_cash_cannot_be_spent_or_reserved_again(books: Connection) -> None:
    ledger.post(books, [], {"buyer": CASH - 10})
    ledger.lock_cash(books, ["buyer"])
    assert ledger.cash(books, ["buyer"])["buyer"].available_micros == 10
    with pytest.raises(ledger.FloorBroken):
        ledger.post(books, [move("spend", "buyer/cash", "buyer/escrow", 11)])
    with pytest.raises(ledger.FloorBroken):
        ledger.post(books, [], {"buyer": 11})
    ledger.post(books, [move("spend", "buyer/cash", "buyer/escrow", 11)], {"buyer": -1})
    assert ledger.reserved_by_participant(books) == {"buyer": CASH - 11}


def test_the_floor_is_that_of_the_whole_batch(books: Connection) -> None:
    there = move("there", "buyer/escrow", "buyer/cash", 5)
    back = move("back", "buyer/cash", "buyer/escrow", 5)
    ledger.post(books, [there, back])
    assert ledger.balances(books, "buyer")["escrow"] == 0


def test_an_account_that_was_never_opened_is_refused(books: Connection) -> None:
    with pytest.raises(NotFound, match="nobody/escrow"):
        ledger.post(books, [move("x", "buyer/cash", "nobody/escrow", 5)])
    with pytest.raises(NotFound, match="shop/bank"):
        ledger.post(books, [move("y", "buyer/cash", "shop/bank", 5)])
    with pytest.raises(NotFound):
        ledger.cash(books, ["nobody"])
    assert ledger.balances(books, "nobody") == {}


@pytest.mark.parametrize("amounts", [(5, -4), (5,), (0, 0), ()])
def test_a_transfer_is_two_entries_or_more_that_sum_to_zero(amounts: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError):
        Transfer("x", "trade", AT, tuple(Entry("buyer/cash", amount) for amount in amounts))


def test_concurrent_posts_of_many_accounts_neither_deadlock_nor_lose_money(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, *OWNERS)
        ledger.post(connection, [move(owner, f"{owner}/cash", f"{owner}/escrow", 64) for owner in OWNERS])

    def work(worker: int) -> None:
        for step in range(8):
            owners = OWNERS[worker % 3 :] + OWNERS[: worker % 3]
            entries = [Entry(f"{owner}/escrow", -2) for owner in owners]
            entries += [Entry("market/fees", 2), Entry("market/tax", 4)][:: 1 if worker % 2 else -1]
            transfer = Transfer(f"{worker}:{step}", "settle", AT, tuple(entries))
            with database.begin() as connection:
                ledger.post(connection, [transfer])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with database.begin() as connection:
        assert ledger.balances(connection, "ada")["escrow"] == 0
        assert ledger.balances(connection, "market")["fees"] == 64
        found = {difference.rule for difference in check(connection)}
        assert not found & {"every transfer sums to zero", "every balance equals the sum of its entries"}


def test_the_same_key_from_two_connections_at_once_is_posted_once(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "ada")
    transfer = move("same", "market/fees", "ada/cash", 7)

    def second() -> None:
        with database.begin() as connection:
            ledger.post(connection, [transfer])

    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool, database.connect() as watching:
        with database.begin() as connection:
            ledger.post(connection, [transfer])
            other = pool.submit(second)
            while not other.done() and not watching.execute(waiting).scalar_one():
                watching.rollback()
        other.result()
    with database.begin() as connection:
        assert ledger.balances(connection, "market")["fees"] == -7


@pytest.mark.parametrize("statement", ["UPDATE ledger_entry SET amount_micros = 1", "DELETE FROM ledger_transfer"])
def test_the_database_lets_nobody_change_what_is_posted(books: Connection, statement: str) -> None:
    with pytest.raises(DBAPIError, match="immutable"):
        books.exec_driver_sql(statement)
