"""The return to a backup: the database is set back to its moment, while agents and the bus are further on.

Two numbers keep the time that is given up apart from the time that comes. The deployment's **generation** grows: agents
take what this database says for newer than anything they were told before, and end guests whose contracts it does not
know; the worker reads the streams of statuses and usage from their beginning again, for what it had read of them after
that moment is forgotten. And the **epochs** of the leases grow by so much that no engine of before can hold one.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from common.errors import Conflict, InvalidInput, Unavailable
from nestex import schema
from nestex.backups import archive
from nestex.backups.archive import Manifest
from nestex.stack import postgres_client

_EMPTY = """
SET client_min_messages = warning;
SET lock_timeout = '10s';
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public;
"""
NEW_GENERATION = """
UPDATE public.deployment
    SET generation = greatest(generation + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
UPDATE public.lease SET epoch = epoch + 1000000, holder = 'restored', expires_at = now() - interval '1 second';
"""
"""The clock makes generations grow also where the same backup is restored twice."""
_OTHERS = """
    SELECT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    ORDER BY application_name
"""
_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def restore(url: str, source: Path, *, replace: bool) -> Manifest:
    """Set the database at `url` back to the backup in the folder `source`, all of it or nothing.

    Raises InvalidInput (`backup_unusable`), Conflict (`market_running`, `database_not_empty` unless `replace`),
    Unavailable when the database or a program fails.
    """
    manifest = archive.read(source)
    if not schema.is_known(manifest.revision):
        problem = f"the backup has schema {manifest.revision}, this version knows up to {schema.newest()}"
        raise InvalidInput("backup_unusable", problem, field="folder")
    _examine(url, replace=replace)
    postgres_client.play(url, source / archive.DUMP, before=_EMPTY, after=NEW_GENERATION)
    schema.upgrade(url)
    return manifest


def begin_generation(url: str) -> None:
    """For a database that was set back by other means: what `restore` does besides the setting back."""
    _examine(url, replace=True)
    with psycopg.connect(url) as connection:
        connection.execute(NEW_GENERATION)


def _examine(url: str, *, replace: bool) -> None:
    try:
        with psycopg.connect(url) as connection:
            others = sorted({row[0] or "unnamed" for row in connection.execute(_OTHERS)})
            tables = connection.execute(_TABLES).fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable("database_unavailable", f"the database did not answer: {error}") from error
    if others:
        raise Conflict("market_running", f"stop what uses the database first: {', '.join(others)}")
    if tables != (0,) and not replace:
        raise Conflict("database_not_empty", "the database is not empty; --replace gives up what it holds")
