"""`nestex export`: files for other programs, from a running market."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.account import save_documents
from nestex.cli.client import MarketClient
from nestex.cli.output import console

DATASETS = ("cost-and-usage", "invoice-detail", "billing-period")
PAYOUTS = "payouts.pain.001.xml"

_export = typer.Typer(help="Files for other programs: costs, invoices, the ledger, payouts.", no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", help="folder for the files")]
Month = Annotated[str, typer.Option("--month", help="YYYY-MM, UTC")]
AnyMonth = Annotated[str | None, typer.Option("--month", help="YYYY-MM, UTC; without it, every month")]
Everybody = Annotated[bool, typer.Option("--everybody", help="the whole market's, with the operator's key")]


class Rows(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_export, name="export")


@_export.command()
def focus(
    out: Out = Path(),
    month: AnyMonth = None,
    everybody: Everybody = False,
) -> None:
    """Costs and usage as FOCUS 1.2 (CSV and Parquet) and 1.4 (three datasets)."""
    _tell(save_focus(MarketClient.from_environment(), out, month, everybody=everybody))


@_export.command()
def invoice(out: Out = Path(), month: AnyMonth = None, everybody: Everybody = False) -> None:
    """Your documents, each as JSON, CSV, PDF, UBL and CII."""
    client = MarketClient.from_environment()
    heads = list(client.pages("/v1/documents", **_chosen(month, everybody=everybody)))
    _tell(save_documents(client, heads, out))


@_export.command()
def journal(out: Out = Path()) -> None:
    """The whole ledger for hledger and beancount; with the operator's key."""
    _tell(save_journals(MarketClient.from_environment(), out))


@_export.command()
def sepa(
    run: Annotated[str, typer.Argument(help="key of a run of payouts: `nestex payout run` books it")],
    out: Out = Path(),
) -> None:
    """A run of payouts as a SEPA credit transfer for the bank; with the operator's key."""
    _tell([save_payouts(MarketClient.from_environment(), out, run)])


@_export.command()
def statement(month: Month, out: Out = Path(), form: Annotated[Rows, typer.Option("--format")] = Rows.CSV) -> None:
    """Your accounts in a month, from balance to balance."""
    _tell([_save_month("statement", month, out, form)])


@_export.command()
def usage(month: Month, out: Out = Path(), form: Annotated[Rows, typer.Option("--format")] = Rows.CSV) -> None:
    """Every minute of a month that counts, of contracts that you bought or sold."""
    _tell([_save_month("usage", month, out, form)])


def save_focus(client: MarketClient, out: Path, month: str | None, *, everybody: bool) -> list[Path]:
    """The files that were written."""
    chosen = _chosen(month, everybody=everybody)
    wanted = {out / f"focus-1.2.{form}": {"version": "1.2", "format": form} for form in ("csv", "parquet")}
    wanted |= {out / "focus-1.4" / f"{name}.csv": {"version": "1.4", "dataset": name} for name in DATASETS}
    for path, query in wanted.items():
        client.save("/v1/exports/focus", path, **chosen, **query)
    return list(wanted)


def save_journals(client: MarketClient, out: Path) -> list[Path]:
    """The files that were written."""
    wanted = {form: out / f"ledger.{form}" for form in ("hledger", "beancount")}
    for form, path in wanted.items():
        client.save("/v1/exports/journal", path, format=form)
    return list(wanted.values())


def save_payouts(client: MarketClient, out: Path, run: str) -> Path:
    """The file that was written."""
    client.save("/v1/exports/payouts", out / PAYOUTS, key=run)
    return out / PAYOUTS


def _chosen(month: str | None, *, everybody: bool) -> dict[str, str]:
    return {"everybody": str(everybody).lower()} | ({} if month is None else {"month": month})


def _save_month(what: str, month: str, out: Path, form: Rows) -> Path:
    path = out / f"{what}-{month}.{form}"
    MarketClient.from_environment().save(f"/v1/exports/{what}", path, month=month, format=str(form))
    return path


def _tell(paths: list[Path]) -> None:
    for path in paths:
        console.print(str(path), soft_wrap=True)
