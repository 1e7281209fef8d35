from __future__ import annotations

from sqlalchemy import func, select

from billing.tables import books_check
from market.books_check import RULES, counts, differences
from market.worker.nightly_check import _TURN, NightlyCheck
from tests.market.factories import World


def results(world: World) -> list[tuple[object, ...]]:
    with world.begin() as connection:
        query = select(books_check.c.differences, books_check.c.first_difference).order_by(books_check.c.day)
        return [tuple(row) for row in connection.execute(query)]


def test_the_books_are_checked_once_a_night_and_the_result_is_kept(world: World) -> None:
    world.participant(9_000_000)
    check = NightlyCheck(world.database, world.clock)
    assert check.check_once()
    assert not check.check_once()
    assert results(world) == [(dict.fromkeys((rule.name for rule in RULES), 0), None)]


def test_what_is_wrong_is_kept_with_how_often(world: World) -> None:
    buyer = world.participant(9_000_000)
    with world.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger_account SET balance_micros = balance_micros + 1 WHERE kind = 'cash'")
    assert NightlyCheck(world.database, world.clock).check_once()
    [(figures, first)] = results(world)
    assert isinstance(figures, dict)
    assert figures["every balance equals the sum of its entries"] == 1
    assert figures["every transfer sums to zero"] == 0
    assert buyer in str(first)
    assert sum(counts(differences(world.database)).values()) == sum(figures.values())


def test_of_several_workers_one_checks(world: World) -> None:
    with world.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        assert not NightlyCheck(world.database, world.clock).check_once()
    assert NightlyCheck(world.database, world.clock).check_once()
