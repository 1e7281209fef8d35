"""`nestex books check`: proof that the money is right."""

from __future__ import annotations

import json

import typer

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
def check(as_json: AsJson = False) -> None:
    """Check every invariant of the ledger; exit code 1 and the first difference if one does not hold."""
    from nestex.books import first_difference
    from runtime.database import connect
    from runtime.settings import DatabaseSettings, from_environment

    database = connect(from_environment(DatabaseSettings).database_url, application="nestex books check", pool_size=1)
    difference = first_difference(database)
    if as_json:
        console.print_json(json.dumps({"books_check": difference or "ok"}))
    else:
        console.print(difference or "ok")
    if difference is not None:
        raise typer.Exit(DIFFERENCE)
