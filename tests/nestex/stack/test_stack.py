"""The stack as a whole: one at a time over a folder, gone with its supervisor, found again by the next."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from common.clock import SystemClock
from common.errors import InvalidInput, Unavailable
from nestex import schema
from nestex.stack.stack import discard, running_stack
from tests.conftest import NatsAccount
from tests.nestex.stack.processes import all_end, is_running

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Supervised:
    process: subprocess.Popen[str]
    database_url: str
    nats_url: str
    pids: list[int]


@contextmanager
def _supervised(path: Path) -> Iterator[Supervised]:
    command = [sys.executable, "-m", "tests.nestex.stack.supervised", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Supervised(process, **json.loads(process.stdout.readline()))
        finally:
            process.kill()


def _tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row is not None
    return int(row[0])


def test_children_end_with_a_supervisor_that_is_killed_and_the_next_start_finds_the_data(data_path: Path) -> None:
    with _supervised(data_path) as first:
        with psycopg.connect(first.database_url) as connection:
            connection.execute("CREATE TABLE kept ()")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        with running_stack(data_path, SystemClock(), {}, durable=False) as second:
            assert (second.database_url, second.nats_url) == (first.database_url, first.nats_url)
            assert _tables(second.database_url) > 1
            with psycopg.connect(second.database_url) as connection:
                connection.execute("SELECT FROM kept")
        assert all_end(first.pids)


def test_children_end_with_a_killed_supervisor_even_if_nobody_starts_again(data_path: Path) -> None:
    with _supervised(data_path) as stack:
        assert all(map(is_running, stack.pids))
        stack.process.send_signal(signal.SIGKILL)
        assert all_end(stack.pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_supervisor_that_is_asked_to_stop_stops_its_children_and_ends_well(data_path: Path, number: int) -> None:
    with _supervised(data_path) as stack:
        stack.process.send_signal(number)
        assert stack.process.wait(30) == 0
        assert all_end(stack.pids)
    assert "database system is shut down" in (data_path / "log" / "postgres.log").read_text()


def test_a_second_start_is_refused_while_the_first_runs(data_path: Path) -> None:
    with _supervised(data_path) as stack:
        refusal = f"{data_path} is in use by process {stack.process.pid}"
        with pytest.raises(Unavailable, match=refusal), running_stack(data_path, SystemClock(), {}):
            pass
        with pytest.raises(Unavailable, match=refusal):
            discard(data_path)
        assert _tables(stack.database_url) > 1


def test_the_environment_gives_the_key_that_admits_agents_to_the_market_alone(data_path: Path) -> None:
    with running_stack(data_path, SystemClock(), {}, durable=False) as stack:
        agents = {"NESTEX_NATS_AGENTS": str(stack.nats_agents)}
        assert stack.environment() == {
            "NESTEX_DATABASE_URL": stack.database_url,
            "NESTEX_NATS_URL": stack.nats_url,
            "NESTEX_NATS_CREDENTIALS": str(stack.nats_credentials),
        }
        assert stack.market_environment() == stack.environment() | agents


def test_servers_of_the_configuration_are_used_instead_of_embedded_ones(
    data_path: Path, database_url: str, nats_account: NatsAccount
) -> None:
    schema.downgrade(database_url, "base")
    configured = {
        "NESTEX_DATABASE_URL": database_url,
        "NESTEX_NATS_URL": nats_account.url,
        "NESTEX_NATS_CREDENTIALS": str(nats_account.credentials),
        "NESTEX_NATS_AGENTS": str(nats_account.agents),
    }
    with running_stack(data_path, SystemClock(), configured) as stack:
        assert stack.market_environment() == configured
        assert schema.current(database_url) is not None
        assert sorted(path.name for path in data_path.iterdir()) == ["lock"]


def test_nats_of_the_configuration_needs_its_credentials(data_path: Path, database_url: str) -> None:
    configured = {"NESTEX_DATABASE_URL": database_url, "NESTEX_NATS_URL": "nats://127.0.0.1:4222"}
    with pytest.raises(InvalidInput) as refusal, running_stack(data_path, SystemClock(), configured):
        pass
    assert (refusal.value.code, refusal.value.field) == ("missing_field", "NESTEX_NATS_CREDENTIALS")


def test_discard_leaves_nothing(data_path: Path) -> None:
    data_path.mkdir(mode=0o700)
    with running_stack(data_path, SystemClock(), {}, durable=False):
        place = data_path / "postgres.place"
        outside = Path(place.read_text()) if place.exists() else data_path / "postgres"
        assert outside.exists()
    discard(data_path)
    assert not data_path.exists()
    assert not outside.parent.joinpath("folder").exists()
