"""`nestex keys`: the API keys of your participant."""

from __future__ import annotations

from typing import Annotated

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_COLUMNS = ("id", "name", "scopes", "expires_at", "revoked_at")

_keys = typer.Typer(help="Your API keys.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_keys, name="keys")


@_keys.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """All keys, without their secrets."""
    rows = MarketClient.from_environment().get("/v1/keys")
    if not as_json:
        rows = [row | {"scopes": " ".join(row["scopes"])} for row in rows]
    show(rows, _COLUMNS, as_json=as_json)


@_keys.command()
def create(
    name: Annotated[str, typer.Argument(help="what it is for")],
    scope: Annotated[list[str], typer.Option("--scope", help="trade, provide, finance or read; may be repeated")],
    expires_at: Annotated[
        str | None, typer.Option("--expires-at", help="real time, such as 2026-12-31T00:00:00Z; else never")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its text is shown only now."""
    body = {"name": name, "scopes": scope, "expires_at": expires_at}
    made = MarketClient.from_environment().post("/v1/keys", body)
    if as_json:
        show_one(made, as_json=True)
    else:
        console.print(made["api_key"], soft_wrap=True)


@_keys.command()
def revoke(key: Annotated[str, typer.Argument(help="id of the key")]) -> None:
    """End a key; it stops working within seconds."""
    MarketClient.from_environment().delete(f"/v1/keys/{key}")
