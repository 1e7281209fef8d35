"""A database that keeps everybody waiting: who asks gets `unknown`, and then the truth."""

from __future__ import annotations

from sqlalchemy import text

from tests.reliability.town import Town


def test_a_table_that_is_locked_for_a_while_delays_and_loses_nothing(town: Town) -> None:
    first = town.buy()
    with town.database.begin() as connection:
        connection.execute(text("LOCK TABLE orders, usage_minute, outbox IN ACCESS EXCLUSIVE MODE"))
        town.wait(4.0)
    second = town.buy()
    town.check_story(first, settled=False)
    town.check_story(second)


def test_connections_that_the_database_ends_are_opened_again(town: Town) -> None:
    first = town.buy()
    for _ in range(3):
        with town.database.begin() as connection:
            others = "application_name LIKE 'nestex %' AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))  # noqa: S608  # a constant
        town.wait(1.0)
    second = town.buy()
    town.check_story(first, settled=False)
    town.check_story(second)
