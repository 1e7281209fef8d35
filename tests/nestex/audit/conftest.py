"""One true history for all tests of a module."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text

from tests.market.factories import World
from tests.nestex.audit.true_history import Tags, make_history

_LAWS = text("""
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
    WHERE contype IN ('c', 'u', 'f') AND connamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT format('ALTER TABLE %s ALTER %I DROP IDENTITY', attrelid::regclass, attname) FROM pg_attribute
    WHERE attidentity <> '' AND attrelid::regclass::text NOT LIKE 'pg_%'
""")


@dataclass(frozen=True, slots=True)
class TrueMarket:
    """A market in whose database nothing is refused any more, and the orders of its history that have a tag."""

    database: Engine
    tags: Tags


@pytest.fixture(scope="module")
def true_market(module_database: Engine) -> TrueMarket:
    tags = make_history(World(module_database))
    with module_database.begin() as connection:
        for (statement,) in connection.execute(_LAWS).all():
            connection.exec_driver_sql(statement)
    return TrueMarket(module_database, tags)
