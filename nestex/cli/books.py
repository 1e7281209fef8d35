"""`nestex books check`: proof that the money is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from common.errors import Unavailable
from nestex.cli.output import AsJson, console

DIFFERENCE = 1

_books = typer.Typer(help="The market's books.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_books, name="books")


@_books.callback()
def _group() -> None:
    """The market's books."""


@_books.command()
def check(
    data: Annotated[
        Path | None, typer.Option("--data", help="folder of a running `nestex up`; else NESTEX_DATABASE_URL")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every invariant of the ledger; exit code 1 and the first difference if one does not hold."""
    from sqlalchemy.exc import DBAPIError

    from nestex.books import first_difference
    from nestex.stack.postgres import recorded_url
    from runtime.database import connect
    from runtime.settings import DatabaseSettings, from_environment

    url = recorded_url(data) if data is not None else from_environment(DatabaseSettings).database_url
    database = connect(url, application="nestex books check", pool_size=1)
    try:
        difference = first_difference(database)
    except DBAPIError as error:
        raise Unavailable("database_unavailable", f"the database did not answer: {error.orig}") from error
    if as_json:
        console.print_json(json.dumps({"books_check": difference or "ok"}))
    else:
        console.print(difference or "ok")
    if difference is not None:
        raise typer.Exit(DIFFERENCE)
