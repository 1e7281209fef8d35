"""A backup, made while the market runs: everything in it is of one moment."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

from common.errors import InvalidInput, Unavailable
from nestex.backups import archive
from nestex.backups.archive import Manifest
from nestex.stack import postgres_client

_ABOUT = """
    SELECT pg_export_snapshot(), now(), version_num, generation,
        clock_market_micros + (extract(epoch FROM now()) * 1000000 - clock_wall_micros)::bigint * clock_speed
    FROM alembic_version, deployment
"""


def back_up(url: str, target: Path, files: Mapping[str, Path]) -> Manifest:
    """Write a backup of the database at `url` to the folder `target`; `files` go with it, by the names that they have
    in a data folder.

    Raises Conflict (`already_exists`), InvalidInput for a database without a market, Unavailable when it fails.
    """
    with archive.making(target) as folder:
        manifest = _dump(url, folder / archive.DUMP)
        for name, path in files.items():
            copy = folder / archive.FILES / name
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        archive.seal(folder, manifest)
    return manifest


def _dump(url: str, target: Path) -> Manifest:
    try:
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            row = connection.execute(_ABOUT).fetchone()
            if row is None:
                raise InvalidInput("backup_unusable", "the database holds no market: there is nothing to back up")
            snapshot, moment, revision, generation, market_micros = row
            postgres_client.dump(url, snapshot, target)
    except psycopg.errors.UndefinedTable as error:
        raise InvalidInput("backup_unusable", "the database holds no market of this version") from error
    except psycopg.OperationalError as error:
        raise Unavailable("database_unavailable", f"the database did not answer: {error}") from error
    target.chmod(0o600)
    return Manifest(
        format=archive.FORMAT,
        nestex=version("nestex"),
        revision=revision,
        moment=_text(moment),
        market_time=_text(datetime.fromtimestamp(market_micros / 1_000_000, UTC)),
        generation=generation,
        dump_sha256=archive.sha256(target),
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
