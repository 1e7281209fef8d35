"""`nestex period`: billing periods and their close."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import Progress, TextColumn

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_COLUMNS = ("month", "state", "contracts", "participants")
_period = typer.Typer(help="Billing periods: UTC calendar months.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_period, name="period")


@_period.command("list")
def list_(as_json: AsJson = False) -> None:
    """All periods in which something was sold."""
    show(MarketClient.from_environment().get("/v1/periods"), _COLUMNS, as_json=as_json)


@_period.command()
def close(
    month: Annotated[str, typer.Argument(help="YYYY-MM, whose grace time is over")], as_json: AsJson = False
) -> None:
    """Operators: close a month and issue its documents. What was interrupted goes on where it stopped."""
    client = MarketClient.from_environment()
    done = TextColumn(
        "{task.description}: {task.fields[contracts]} contracts, {task.fields[participants]} participants"
    )
    with Progress(done, console=console, transient=True, disable=as_json) as progress:
        task = progress.add_task(f"closing {month}", total=None, contracts=0, participants=0)
        while (period := client.post(f"/v1/periods/{month}/close"))["state"] != "closed":
            progress.update(task, contracts=period["contracts"], participants=period["participants"])
    show_one(period, as_json=as_json)


@_period.command()
def reissue(
    document: Annotated[str, typer.Argument(help="id of an invoice or self-billed invoice")],
    reason: Annotated[str, typer.Option(help="for the credit note")],
    as_json: AsJson = False,
) -> None:
    """Operators: void a document by a credit note, and issue it anew with the parties as they are known now."""
    body = {"reason": reason}
    show_one(MarketClient.from_environment().post(f"/v1/documents/{document}/reissue", body), as_json=as_json)
