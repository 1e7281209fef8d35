from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMANDS = (
    "demo", "up", "market", "engine", "worker", "agent", "migrate", "books", "audit", "doctor", "buy", "sell", "cancel",
    "book", "orders", "contracts", "nodes", "enrol", "account", "documents", "export", "replay", "amend", "explain",
    "trades", "instruments", "classes", "keys", "operator",
    "backup", "restore",
)  # fmt: skip


def nestex(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NESTEX_")}
    command = [sys.executable, "-m", "nestex", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=clean | variables, timeout=60, check=False)


def test_help_lists_every_command() -> None:
    shown = nestex("--help")
    assert shown.returncode == 0
    assert all(command in shown.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "variables", "exit_code", "said"),
    [
        (("orders",), {}, 3, "key_missing"),
        (("orders",), {"NESTEX_API_KEY": "k", "NESTEX_URL": "http://127.0.0.1:9"}, 4, "market_unreachable"),
        (("books", "check"), {}, 3, "NESTEX_DATABASE_URL"),
        (("audit",), {}, 3, "NESTEX_DATABASE_URL"),
        (("audit",), {"NESTEX_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, 4, "database_unavailable"),
        (("worker",), {}, 3, "NESTEX_DATABASE_URL"),
        (("buy", "fra1.std.firm"), {}, 2, "--price"),
        (("agent", "--market", "http://127.0.0.1:9", "--data", "x", "--capacity", "8"), {}, 3, "capacity"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_an_exit_code(
    arguments: tuple[str, ...], variables: dict[str, str], exit_code: int, said: str
) -> None:
    done = nestex(*arguments, **variables)
    assert done.returncode == exit_code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_agents_command_loads_nothing_of_the_server() -> None:
    code = (
        "import sys; import nestex.cli; import provisioner.agent;"
        "print([m for m in ('sqlalchemy', 'psycopg', 'fastapi', 'pydantic', 'uvicorn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
