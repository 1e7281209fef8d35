"""The hash chain over the ledger: whatever is changed, dropped or slipped in behind a seal is found."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from billing import seals
from billing.deposits import deposit
from billing.invariants import check
from billing.tables import ledger_seal, ledger_transfer
from tests.billing.factories import AT, open_market, open_participants

BROKEN = "every seal is over its transfers and the seal before"


def deposit_all(connection: Connection, count: int, name: str = "more") -> None:
    for number in range(count):
        deposit(connection, "buyer", number + 1, f"{name}{number}", AT)


def seal_all(connection: Connection, limit: int) -> list[int]:
    until, sizes = seals.horizon(connection), []
    while made := seals.seal(connection, until, AT, limit):
        sizes.append(made.transfers)
    return sizes


@pytest.fixture
def sealed(books: Connection) -> Connection:
    deposit_all(books, 5)
    assert seal_all(books, 3) == [3, 3, 1]
    return books


def test_every_transfer_is_sealed_once_and_later_ones_follow_on(sealed: Connection) -> None:
    deposit_all(sealed, 2, "later")
    assert check(sealed) == []
    assert seal_all(sealed, 3) == [2]
    assert sealed.execute(select(func.sum(ledger_seal.c.transfers))).scalar_one() == 9
    assert check(sealed) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_transfer SET at_micros = at_micros + 1 WHERE key = 'deposit:buyer:more1'",
        "UPDATE ledger_transfer SET key = 'deposit:buyer:other' WHERE key = 'deposit:buyer:more1'",
        "UPDATE ledger_entry SET reference = 'con' WHERE amount_micros = 2",
        "UPDATE ledger_entry SET ordinal = 7 WHERE amount_micros = 2",
        "WITH gone AS (DELETE FROM ledger_entry WHERE abs(amount_micros) = 2 RETURNING transfer_id)"
        " DELETE FROM ledger_transfer WHERE id IN (SELECT transfer_id FROM gone)",
        "UPDATE ledger_seal SET at_micros = 0 WHERE sequence = 2",
        "UPDATE ledger_seal SET transfers = 4 WHERE sequence = 2",
        "UPDATE ledger_seal SET sha256 = sha256('') WHERE sequence = 1",
        "DELETE FROM ledger_seal WHERE sequence = 1",
        "DELETE FROM ledger_seal WHERE sequence = 2",
    ],
)
def test_what_is_changed_or_dropped_is_found(sealed: Connection, change: str) -> None:
    sealed.exec_driver_sql("ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_transfer_id_fkey")
    for table in ("ledger_transfer", "ledger_entry", "ledger_seal"):
        sealed.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    assert sealed.exec_driver_sql(change).rowcount > 0
    assert BROKEN in {difference.rule for difference in check(sealed)}


def test_what_is_slipped_in_behind_a_seal_is_found(books: Connection) -> None:
    deposit_all(books, 2)
    books.exec_driver_sql("SELECT nextval('ledger_transfer_id_seq')")
    deposit_all(books, 1, "next")
    seal_all(books, 9)
    gap = {"gap": books.execute(select(func.max(ledger_transfer.c.id) - 1)).scalar_one()}
    books.exec_driver_sql(
        "INSERT INTO ledger_transfer (id, key, kind, at_micros, content_sha256) OVERRIDING SYSTEM VALUE"
        " SELECT %(gap)s, 'slipped', kind, at_micros, content_sha256 FROM ledger_transfer LIMIT 1",
        gap,
    )
    books.exec_driver_sql(
        "INSERT INTO ledger_entry SELECT %(gap)s, ordinal, account_id, amount_micros, reference FROM ledger_entry"
        " ORDER BY transfer_id LIMIT 2",
        gap,
    )
    assert BROKEN in {difference.rule for difference in check(books)}


def test_a_transfer_that_commits_late_is_waited_for(database: Engine) -> None:
    """The horizon names an id that a transaction still holds back; nothing is sealed past it before it is over."""
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer", "other")
    with database.connect() as late, late.begin():
        deposit(late, "other", 5, "late", AT)
        with database.connect() as early:
            early.exec_driver_sql("SELECT nextval('ledger_transfer_id_seq')")
            early.commit()
            until = seals.horizon(early)
            early.commit()
            assert not seals.is_decided(early, until)
    with database.begin() as connection:
        while not seals.is_decided(connection, until):  # other databases of the server count as well
            pass
        assert seal_all(connection, 2) == [2, 1]
        assert check(connection) == []


def test_of_two_sealers_at_once_one_sets_the_seal(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer")
    with database.connect() as one, database.connect() as two:
        until = seals.horizon(one)
        read = two.execution_options(isolation_level="REPEATABLE READ")
        read.execute(select(func.count()).select_from(ledger_seal))
        assert seals.seal(one, until, AT) is not None
        one.commit()
        with pytest.raises(DBAPIError, match="serialize"):
            seals.seal(read, until, AT)
        read.rollback()
        assert seals.seal(read, until, AT) is None


def test_the_database_lets_nobody_change_a_seal_or_empty_the_ledger(sealed: Connection) -> None:
    for statement in (
        "DELETE FROM ledger_seal",
        "TRUNCATE ledger_transfer CASCADE",
        "UPDATE ledger_seal SET sequence = 9",
    ):
        mark = sealed.begin_nested()
        with pytest.raises(DBAPIError, match="immutable"):
            sealed.exec_driver_sql(statement)
        mark.rollback()
