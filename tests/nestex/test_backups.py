"""Backups of a database, by themselves: what is in them, and when they are refused. How a restored market agrees with
agents and streams is in `tests.reliability.test_restore`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select, text

from common.errors import Conflict, InvalidInput, Unavailable
from market.tables import lease
from nestex.backups import archive
from nestex.backups.make import back_up
from nestex.backups.restore import begin_generation, restore
from runtime.tables import deployment
from tests.market.factories import World, contract_of


def _url(world: World) -> str:
    return world.database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _restore(world: World, source: Path) -> archive.Manifest:
    world.database.dispose()
    return restore(_url(world), source, replace=True)


def _generation(world: World) -> int:
    with world.begin() as connection:
        return int(connection.execute(select(deployment.c.generation)).scalar_one())


def _tables(world: World) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with world.begin() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        return {
            name: sorted(connection.execute(text(f"SELECT rows::text FROM {name} AS rows")).scalars())  # noqa: S608  our own names
            for name in names
        }


@pytest.fixture
def backup(world: World, tmp_path: Path) -> Path:
    """Of a market with a contract."""
    contract_of(world)
    back_up(_url(world), tmp_path / "backup", {})
    return tmp_path / "backup"


def test_a_restored_database_is_what_was_backed_up_under_a_new_generation(world: World, backup: Path) -> None:
    before = _tables(world)
    world.participant(1_000_000)
    with world.begin() as connection:
        connection.execute(lease.update().values(epoch=7))
    _restore(world, backup)
    after, first = _tables(world), _generation(world)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"deployment", "lease"}
    with world.begin() as connection:
        assert connection.execute(select(lease.c.epoch)).scalar_one() > 1_000_000, "no engine of before has it"
    _restore(world, backup)
    assert _generation(world) > first > 0, "the same backup again, and yet another time that is given up"
    world.database.dispose()
    begin_generation(_url(world))
    assert _generation(world) > first


def test_a_restore_that_fails_changes_nothing(world: World, backup: Path) -> None:
    before = _tables(world)
    dump, manifest = backup / archive.DUMP, backup / "backup.json"
    dump.write_bytes(dump.read_bytes()[:-2000])
    said = json.loads(manifest.read_text()) | {"dump_sha256": archive.sha256(dump)}
    manifest.write_text(json.dumps(said))
    with pytest.raises(Unavailable, match="pg_restore failed"):
        _restore(world, backup)
    assert _tables(world) == before


@pytest.mark.parametrize(
    ("said", "problem"),
    [({"format": 2}, "format 2"), ({"revision": "9999"}, "9999"), ({"dump_sha256": "0"}, "not what was written")],
)
def test_what_is_no_backup_of_ours_is_refused(
    world: World, backup: Path, said: dict[str, object], problem: str
) -> None:
    manifest = backup / "backup.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | said))
    with pytest.raises(InvalidInput, match=problem):
        _restore(world, backup)
    with pytest.raises(InvalidInput, match="no backup"):
        _restore(world, backup.parent)


def test_nothing_is_restored_over_a_database_that_is_used_or_holds_something(world: World, backup: Path) -> None:
    with world.begin(), pytest.raises(Conflict) as running:
        restore(_url(world), backup, replace=True)
    assert running.value.code == "market_running"
    world.database.dispose()
    with pytest.raises(Conflict) as full:
        restore(_url(world), backup, replace=False)
    assert full.value.code == "database_not_empty"


def test_a_backup_is_whole_or_not_there(world: World, backup: Path) -> None:
    with pytest.raises(Conflict):
        back_up(_url(world), backup, {})
    with pytest.raises(OSError, match="missing"):
        back_up(_url(world), backup.parent / "other", {"operator.key": backup / "missing"})
    assert [path.name for path in backup.parent.iterdir() if path.is_dir()] == ["backup"]
    assert backup.stat().st_mode & 0o077 == (backup / archive.DUMP).stat().st_mode & 0o077 == 0
