"""What commands print: tables for people, JSON for programs, one line on the error stream for what went wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from common.errors import NestexError

REFUSED = 3
"""The exit code of what the market, or the configuration, refused."""
_PIPED_WIDTH = 160

console = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, title: str = "") -> None:
    """The rows, in these columns, or whole as JSON."""
    if as_json:
        console.print_json(json.dumps(list(rows)))
        return
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        numeric = bool(rows) and all(isinstance(row.get(column), int) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    console.print(table)


def show_one(thing: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing, a line per field that has a value."""
    if as_json:
        console.print_json(json.dumps(thing))
        return
    for name, value in thing.items():
        if value is not None:
            console.print(f"[bold]{name.replace('_', ' '):<20}[/bold] {value}")


def complain(error: NestexError) -> None:
    """The error in one line: code, sentence, and the limit where it has one."""
    limit = "" if error.limit is None else f" (limit: {error.limit})"
    field = "" if error.field is None else f" [{error.field}]"
    sys.stderr.write(f"nestex: {error.code}{field}: {error.message}{limit}\n")
