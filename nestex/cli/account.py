"""Commands of a finance department: account, documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common.errors import NestexError
from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one
from nestex.cli.progress import Progress

_FORMATS = {
    "json": "application/json",
    "csv": "text/csv",
    "pdf": "application/pdf",
    "ubl.xml": "application/ubl+xml",
    "cii.xml": "application/cii+xml",
}
_DOCUMENT_COLUMNS = ("number", "kind", "period", "state", "net", "vat", "total", "currency", "id")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(account)
    app.command()(documents)


def account(
    entries: Annotated[bool, typer.Option("--entries", help="every posting instead of the balances")] = False,
    as_json: AsJson = False,
) -> None:
    """Your balances, or the entries behind them."""
    client = MarketClient.from_environment()
    if entries:
        rows = list(client.pages("/v1/account/entries"))
        show(rows, ("at", "kind", "account", "amount", "reference"), as_json=as_json)
    else:
        show_one(client.get("/v1/account"), as_json=as_json)


def documents(
    out: Annotated[Path | None, typer.Option("--out", help="write each document there, in every format")] = None,
    as_json: AsJson = False,
) -> None:
    """Your invoices and self-billed invoices."""
    client = MarketClient.from_environment()
    rows = list(client.pages("/v1/documents"))
    if out is not None:
        for path in save_documents(client, rows, out):
            console.print(str(path), soft_wrap=True)
    else:
        show(rows, _DOCUMENT_COLUMNS, as_json=as_json)


def save_documents(client: MarketClient, rows: list[dict[str, str]], out: Path) -> list[Path]:
    """The documents of these heads as files named after their numbers; the paths that were written. What the European
    standard has no form for is written without its XML."""
    written = []
    with Progress(console, "documents") as progress:
        for count, row in enumerate(rows):
            progress.update(count, len(rows))
            written += _save(client, row, out)
    return written


def _save(client: MarketClient, row: dict[str, str], out: Path) -> list[Path]:
    written = []
    for suffix, media_type in _FORMATS.items():
        path = out / f"{row['number']}.{suffix}"
        try:
            client.save(f"/v1/documents/{row['id']}", path, media_type)
        except NestexError as error:
            if error.code != "not_an_e_invoice":
                raise
        else:
            written.append(path)
    return written
