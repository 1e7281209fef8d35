from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Engine, text

from common.clock import SystemClock
from nestex.doctor import bus, database, machine
from nestex.doctor.examination import examine
from nestex.doctor.finding import Finding
from tests.conftest import NatsAccount
from tests.market.factories import World

ROOT = Path(__file__).parents[3]


def by_check(findings: object) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}  # type: ignore[attr-defined]  # an iterator of findings


def test_a_machine_that_runs_the_tests_is_well(tmp_path: Path) -> None:
    assert {finding.verdict for finding in machine.examine(tmp_path)} == {"ok"}


def test_a_market_without_an_engine_or_a_relay_is_found(world: World) -> None:
    world.participant()
    with world.begin() as connection:
        connection.execute(
            text("INSERT INTO outbox (id, subject, payload, created_at) VALUES ('x', 's', '', now() - interval '1 h')")
        )
    found = by_check(database.examine(world.database, SystemClock()))
    assert (found["engines"].verdict, found["relay"].verdict) == ("bad", "bad")
    assert "fra1" in found["engines"].found
    assert found["schema"].verdict == found["time"].verdict == "ok"
    assert found["durability"].verdict == "bad", "the tests' server trades safety for speed"


def test_an_old_or_missing_schema_is_found_and_nothing_else_is_asked_then(database_url: str, world: World) -> None:
    with world.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    found = by_check(database.examine(world.database, SystemClock()))
    assert (found["schema"].verdict, found["schema"].remedy) == ("bad", "run `nestex migrate`")
    assert "engines" not in found


def test_a_database_that_does_not_answer_is_one_finding() -> None:
    from runtime.database import connect

    nowhere: Engine = connect("postgresql://nobody:x@127.0.0.1:1/none", application="test", pool_size=1)
    [finding] = database.examine(nowhere, SystemClock())
    assert (finding.check, finding.verdict) == ("database", "bad")


def test_a_bus_without_streams_and_a_bus_that_does_not_answer_are_found(nats_account: NatsAccount) -> None:
    found = by_check(bus.examine(nats_account.url, nats_account.credentials))
    assert (found["bus"].verdict, found["streams"].verdict) == ("ok", "bad")
    [finding] = bus.examine("nats://127.0.0.1:1", nats_account.credentials)
    assert finding.verdict == "bad"


def test_what_is_not_configured_is_named(tmp_path: Path) -> None:
    configuration = by_check(examine(None, {}, SystemClock()))["configuration"]
    assert "NESTEX_DATABASE_URL" in configuration.found
    assert by_check(examine(tmp_path, {}, SystemClock()))["configuration"].verdict == "bad"


def test_the_command_tells_programs_too_and_fails_where_something_is_bad() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NESTEX_")}
    command = [sys.executable, "-m", "nestex", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert {finding["check"] for finding in json.loads(done.stdout)} == {
        "python",
        "packages",
        "libvirt",
        "disk",
        "configuration",
    }
