"""The migrations make exactly what the models describe, both ways, and one process at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from nestex import schema
from runtime.database import connect
from runtime.metadata import metadata

ROOT = Path(__file__).parents[2]

CATALOGUE = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d
             ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "functions": """
        SELECT proname, regexp_replace(prosrc, '\\s+', ' ', 'g') FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace ORDER BY 1""",
    "comments": """
        SELECT relname, obj_description(oid, 'pg_class') FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1""",
}

ONLY_MIGRATED = {"triggers", "functions"}
"""Parts that SQLAlchemy's tables cannot describe."""


@pytest.fixture
def empty_url(database_url: str) -> Iterator[str]:
    """A database that no migration has seen."""
    server, _, name = database_url.rpartition("/")
    empty = sql.Identifier(f"{name}_empty")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(empty))
        yield f"{server}/{name}_empty"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(empty))


def _catalogue(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        found = {part: connection.execute(query.encode()).fetchall() for part, query in CATALOGUE.items()}
    return {part: [row for row in rows if row[0] != "alembic_version"] for part, rows in found.items()}


def _create_from_models(url: str) -> None:
    engine = connect(url, application="test")
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
    finally:
        engine.dispose()


def test_alembic_finds_no_difference_between_models_and_migrations(database_url: str) -> None:
    assert schema.differences(database_url) == []


def test_alembic_would_find_a_difference(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE outbox ALTER COLUMN subject TYPE varchar(10), ADD COLUMN more integer")
    assert len(schema.differences(database_url)) == 2


def test_models_and_migrations_make_the_same_catalogue(database_url: str, empty_url: str) -> None:
    _create_from_models(empty_url)
    migrated, described = _catalogue(database_url), _catalogue(empty_url)
    for part in CATALOGUE.keys() - ONLY_MIGRATED:
        assert migrated[part] == described[part], part
        assert migrated[part], part


def test_the_database_refuses_changes_to_the_tables_of_record(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE '%_immutable'"
        tables = {row[0] for row in connection.execute(query)}
        kept = {row[0] for row in connection.execute(query.replace("_immutable", "_kept"))}
    record = {"ledger_transfer", "ledger_entry", "ledger_seal", "legal_identity", "billed_day", "payment"} | {
        "billing_credit"
    }
    assert tables == kept == record


def test_up_down_up_ends_where_it_was_and_down_leaves_nothing(empty_url: str) -> None:
    assert schema.current(empty_url) is None
    schema.upgrade(empty_url)
    first, revision = _catalogue(empty_url), schema.current(empty_url)
    schema.downgrade(empty_url, "base")
    assert schema.current(empty_url) is None
    assert not any(_catalogue(empty_url).values())
    schema.upgrade(empty_url)
    assert (_catalogue(empty_url), schema.current(empty_url)) == (first, revision)


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database_url: str) -> None:
    before = _catalogue(database_url)
    schema.upgrade(database_url)
    assert _catalogue(database_url) == before


def test_upgrades_at_the_same_time_take_turns(empty_url: str) -> None:
    program = f"from nestex import schema; schema.upgrade({empty_url!r})"
    started = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert schema.differences(empty_url) == []


def test_an_upgrade_that_fails_leaves_the_schema_as_it_was(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE TABLE document_counter ()")  # stands in the way of the last table that is made
    with pytest.raises(DBAPIError, match="already exists"):
        schema.upgrade(empty_url)
    assert schema.current(empty_url) is None
    with psycopg.connect(empty_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("document_counter",)]


def test_a_change_gives_up_on_a_table_that_is_in_use(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_LOCK_TIMEOUT", "100ms")
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT FROM outbox")
        with pytest.raises(DBAPIError, match="lock timeout"):
            schema.downgrade(database_url, "base")
    assert schema.current(database_url) is not None
