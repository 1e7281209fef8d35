"""`nestex contracts`: what you bought and sold, and its early end."""

from __future__ import annotations

from typing import Annotated

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, show, show_one

_COLUMNS = (
    "id", "role", "kind", "instrument", "start", "end", "ended", "slices", "price", "state", "guest_state", "replaces"
)  # fmt: skip

_contracts = typer.Typer(help="The contracts that you bought or sold.", invoke_without_command=True)

Contract = Annotated[str, typer.Argument(help="id of the contract")]
Preview = Annotated[bool, typer.Option("--preview", help="only tell what it would cost now")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_contracts, name="contracts")


@_contracts.callback()
def contracts(
    context: typer.Context,
    state: Annotated[str | None, typer.Option("--state", help="only contracts in this state")] = None,
    as_json: AsJson = False,
) -> None:
    """The contracts that you bought or sold."""
    if context.invoked_subcommand is None:
        query = {} if state is None else {"state": state}
        show(list(MarketClient.from_environment().pages("/v1/contracts", **query)), _COLUMNS, as_json=as_json)


@_contracts.command()
def release(contract: Contract, preview: Preview = False, as_json: AsJson = False) -> None:
    """End a contract that you bought, from the next minute on; you pay the release rate of the rest."""
    _preview(contract, "release", as_json) if preview else _end(contract, "release", as_json)


@_contracts.command()
def reclaim(contract: Contract, preview: Preview = False, as_json: AsJson = False) -> None:
    """Take back a spot contract that you sold, after two minutes' notice; your bond pays the break fee."""
    _preview(contract, "reclaim", as_json) if preview else _end(contract, "reclaim", as_json)


@_contracts.command()
def bust(
    contract: Contract,
    reason: Annotated[str, typer.Option("--reason", help="why, as its parties are told")],
    as_json: AsJson = False,
) -> None:
    """Cancel the trade of a contract, for whoever runs the market: everything paid for it goes back."""
    _end(contract, "bust", as_json, {"reason": reason})


def _preview(contract: str, verb: str, as_json: bool) -> None:
    show_one(MarketClient.from_environment().post(f"/v1/contracts/{contract}/{verb}/preview"), as_json=as_json)


def _end(contract: str, verb: str, as_json: bool, body: dict[str, str] | None = None) -> None:
    ended = MarketClient.from_environment().post(f"/v1/contracts/{contract}/{verb}", body)
    if not as_json:
        ended = {name: ended["contract"][name] for name in ("id", "state", "ended")} | {
            name: ended[name] for name in ("fee", "refund", "compensation")
        }
    show_one(ended, as_json=as_json)
