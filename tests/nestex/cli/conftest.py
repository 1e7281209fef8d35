"""The market of tests/market/http, for the commands that are its client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from nestex.cli.app import app
from nestex.cli.output import console
from tests.market.conftest import world
from tests.market.http.conftest import Http, buyer, node_id, operator, provider

__all__ = ["buyer", "node_id", "operator", "provider", "world"]  # fixtures

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command as somebody, on a wide screen, and gives its outcome."""
    monkeypatch.setattr(console, "width", 300)

    def run(who: Http, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"NESTEX_URL": who.url, "NESTEX_API_KEY": who.key})

    return run
