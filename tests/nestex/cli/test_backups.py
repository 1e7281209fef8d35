from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from common.clock import SystemClock
from nestex.bootstrap import NewDeployment, prepare
from nestex.cli.app import app
from nestex.stack.stack import discard, running_stack
from tests.nestex.stack.conftest import data_path

__all__ = ["data_path"]


def _nestex(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_data_folder_that_is_lost_comes_back_with_its_database_and_the_keys_of_its_bus(data_path: Path) -> None:
    backup, other = data_path.parent / "backup", data_path.parent / "other"
    with running_stack(data_path, SystemClock(), {}) as stack:
        key = prepare(stack.database_url, NewDeployment())
        authority = (data_path / "nats" / "authority.json").read_bytes()
        port = (data_path / "nats.port").read_text()
        assert "market time" in _nestex("backup", backup, "--data", data_path)
    assert key is not None
    discard(data_path)
    assert "is back at" in _nestex("restore", backup, "--data", other)
    with running_stack(other, SystemClock(), {}) as stack:
        assert prepare(stack.database_url, NewDeployment()) is None, "the operator of before is known"
    assert (other / "nats" / "authority.json").read_bytes() == authority
    assert (other / "nats.port").read_text() == port
    assert "new generation" in _nestex("restore", "--as-it-is", "--data", other)
    _nestex("backup", data_path.parent / "second", "--data", other)
    discard(other)
