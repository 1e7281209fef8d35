"""`nestex audit`: proof that the market is what its journal makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from common.errors import Unavailable
from nestex.cli.output import AsJson, console

DIFFERENCE = 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    data: Annotated[
        Path | None, typer.Option("--data", help="folder of a running `nestex up`; else NESTEX_DATABASE_URL")
    ] = None,
    shard: Annotated[str | None, typer.Option("--shard", help="one zone; else all")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay the journal and compare every table with it; exit code 1 and the first difference if there is one."""
    from sqlalchemy.exc import DBAPIError

    from nestex.audit.market import audit as audit_market
    from nestex.cli.progress import Progress
    from nestex.stack.postgres import recorded_url
    from runtime.database import connect
    from runtime.settings import DatabaseSettings, from_environment

    url = recorded_url(data) if data is not None else from_environment(DatabaseSettings).database_url
    database = connect(url, application="nestex audit", pool_size=1)
    try:
        with Progress(console, "commands") as progress:
            outcome = audit_market(database, shard, progress.update)
    except DBAPIError as error:
        raise Unavailable("database_unavailable", f"the database did not answer: {error.orig}") from error
    if as_json:
        console.print_json(json.dumps({"audit": outcome.difference or "ok", "compared": dict(outcome.compared)}))
    else:
        counts = ", ".join(f"{number} {table}" for table, number in sorted(outcome.compared.items()))
        console.print(outcome.difference or f"ok ({counts})" if counts else "ok", soft_wrap=True)
    if outcome.difference is not None:
        raise typer.Exit(DIFFERENCE)
