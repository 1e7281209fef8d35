"""Commands about minutes: where an amount comes from, disputes, credits, and records that do not count."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_dispute = typer.Typer(help="Minutes that were not delivered as reported.", no_args_is_help=True)
_COLUMNS = ("id", "contract", "start", "end", "state", "opened_by", "reason", "note")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(lineage)
    app.command()(credit)
    app.command()(refused)
    app.add_typer(_dispute, name="dispute")


def lineage(
    thing: Annotated[str, typer.Argument(help="id of a contract, or of a document with --line")],
    line: Annotated[int | None, typer.Option(help="of the document")] = None,
) -> None:
    """Where an amount comes from, as JSON: days, minutes, reports, transfers, documents, trade and order."""
    client = MarketClient.from_environment()
    path = f"/v1/contracts/{thing}/lineage" if line is None else f"/v1/documents/{thing}/lines/{line}/lineage"
    console.print_json(json.dumps(client.get(path)))


def credit(
    contract: Annotated[str, typer.Argument(help="id of the contract")],
    day: Annotated[str, typer.Argument(help="UTC, YYYY-MM-DD, of a closed month")],
    minutes: Annotated[int, typer.Argument(help="how many of its billed minutes")],
    key: Annotated[str, typer.Option(help="your reference: the same one again is booked once")],
    reason: Annotated[str, typer.Option(help="for the credit notes")],
    as_json: AsJson = False,
) -> None:
    """Operators: take billed minutes back after the close."""
    body = {"contract": contract, "day": day, "minutes": minutes, "key": key, "reason": reason}
    show_one(MarketClient.from_environment().post("/v1/credits", body), as_json=as_json)


def refused(
    contract: Annotated[str, typer.Option(help="of this contract only")] = "",
    as_json: AsJson = False,
) -> None:
    """Operators: usage records that do not count, and why."""
    query = {"contract": contract} if contract else {}
    rows = list(MarketClient.from_environment().pages("/v1/usage/refused", **query))
    show(rows, ("node", "sequence", "contract", "minute", "seconds", "reason"), as_json=as_json)


@_dispute.command("open")
def open_(
    contract: Annotated[str, typer.Argument(help="id of a contract that you bought")],
    start: Annotated[str, typer.Option("--from", help="RFC 3339 minute")],
    end: Annotated[str, typer.Option("--until", help="the first minute that is no longer part of it")],
    reason: Annotated[str, typer.Option(help="what was wrong")],
    as_json: AsJson = False,
) -> None:
    """Dispute minutes; their money stays in escrow until an operator decides."""
    body = {"contract": contract, "start": start, "end": end, "reason": reason}
    show_one(MarketClient.from_environment().post("/v1/disputes", body), as_json=as_json)


@_dispute.command("list")
def list_(
    contract: Annotated[str, typer.Option(help="of your contract; without it operators see all")] = "",
    as_json: AsJson = False,
) -> None:
    """Disputes, oldest first."""
    path = f"/v1/contracts/{contract}/disputes" if contract else "/v1/disputes"
    show(list(MarketClient.from_environment().pages(path)), _COLUMNS, as_json=as_json)


@_dispute.command("decide")
def decide(
    dispute: Annotated[str, typer.Argument(help="id of the dispute")],
    decision: Annotated[str, typer.Argument(help="upheld or rejected")],
    note: Annotated[str, typer.Option(help="why")],
    as_json: AsJson = False,
) -> None:
    """Operators: decide a dispute."""
    body = {"decision": decision, "note": note}
    show_one(MarketClient.from_environment().post(f"/v1/disputes/{dispute}/decision", body), as_json=as_json)
