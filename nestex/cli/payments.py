"""Commands about money that leaves, and statements of account."""

from __future__ import annotations

from typing import Annotated

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_COLUMNS = ("at", "kind", "participant", "amount", "holder", "iban", "id")
_payout = typer.Typer(help="Operators: payouts of what is payable.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(statement)
    app.command()(withdraw)
    app.add_typer(_payout, name="payout")


def statement(
    start: Annotated[str, typer.Option("--from", help="RFC 3339 minute, such as 2026-11-01T00:00:00Z")],
    end: Annotated[str, typer.Option("--until", help="the first minute that is no longer part of it")],
    participant: Annotated[str | None, typer.Option(help="operators: whose; `market` for the market's own")] = None,
    as_json: AsJson = False,
) -> None:
    """A statement of account: opening balances, every entry, closing balances."""
    client = MarketClient.from_environment()
    query = {"start": start, "end": end} | ({"participant": participant} if participant else {})
    whole = page = client.get("/v1/account/statement", limit=500, **query)
    while page["next"] is not None:
        page = client.get("/v1/account/statement", limit=500, after=page["next"], **query)
        whole["items"] += page["items"]
    if as_json:
        show_one({**whole, "next": None}, as_json=True)
        return
    for name, balances in (("opening", whole["opening"]), ("closing", whole["closing"])):
        if name == "closing":
            show(whole["items"], ("at", "kind", "account", "amount", "reference"), as_json=False)
        console.print(f"[bold]{name}[/bold]  " + "  ".join(f"{kind} {amount}" for kind, amount in balances.items()))


def withdraw(
    amount: Annotated[str, typer.Argument(help="of your available cash, in whole cents")],
    key: Annotated[str, typer.Option(help="your reference: the same one again is booked once")],
    iban: Annotated[str | None, typer.Option(help="else that of your legal identity")] = None,
    holder: Annotated[str | None, typer.Option(help="of the bank account; else your company")] = None,
    as_json: AsJson = False,
) -> None:
    """Pay out some of your cash to a bank account."""
    body = {"amount": amount, "key": key, "iban": iban, "holder": holder}
    show_one(MarketClient.from_environment().post("/v1/withdrawals", body), as_json=as_json)


@_payout.command("run")
def run(
    key: Annotated[str, typer.Argument(help="names the run: the same one again pays only who was left out")],
    as_json: AsJson = False,
) -> None:
    """Pay every provider what is payable, in whole cents."""
    show_one(MarketClient.from_environment().post("/v1/payouts", {"key": key}), as_json=as_json)


@_payout.command("list")
def list_(key: Annotated[str, typer.Argument(help="of the run")], as_json: AsJson = False) -> None:
    """The payments of a run."""
    show(list(MarketClient.from_environment().pages("/v1/payouts", key=key)), _COLUMNS, as_json=as_json)
