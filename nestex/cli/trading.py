"""Commands of a trader about orders that there are: amend, cancel, cancel-after, explain, orders."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_ORDER_COLUMNS = ("id", "side", "instrument", "price", "state", "guests", "guests_filled", "slices", "reserved")

_OF_INSTRUMENT = typer.Option("--instrument", help="only of this instrument")
_OF_SIDE = typer.Option("--side", help="only bids or only asks")
_OF_GROUP = typer.Option("--group", help="only of the exclusive group whose first bid has this id")
Reference = typer.Argument(help="order id, or client:<your name for it>")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(amend)
    app.command()(cancel)
    app.command()(cancel_after)
    app.command()(explain)
    app.command()(orders)


def amend(
    order: Annotated[str, Reference],
    guests: Annotated[int | None, typer.Option("--guests", help="fewer guests of a bid, in all")] = None,
    slices: Annotated[int | None, typer.Option("--slices", help="fewer slices of an ask")] = None,
    price: Annotated[str | None, typer.Option("--price", help="another price: the order enters anew")] = None,
    revision: Annotated[
        int | None, typer.Option("--revision", help="of the order as you know it; else the newest")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change one thing of an open order."""
    client = MarketClient.from_environment()
    known = client.get(f"/v1/orders/{order}")["revision"] if revision is None else revision
    body = {"revision": known, "guests": guests, "slices": slices, "price": price}
    show_one(client.patch(f"/v1/orders/{order}", body), as_json=as_json)


def cancel(
    order: Annotated[str | None, Reference] = None,
    everything: Annotated[bool, typer.Option("--all", help="all your open orders")] = False,
    instrument: Annotated[str | None, _OF_INSTRUMENT] = None,
    side: Annotated[str | None, _OF_SIDE] = None,
    group: Annotated[str | None, _OF_GROUP] = None,
    as_json: AsJson = False,
) -> None:
    """Take an order off the book, or with --all every one that is open."""
    query = _given(instrument=instrument, side=side, exclusive_group=group)
    if (order is not None) == everything or (query and not everything):
        raise typer.BadParameter("name an order, or give --all, to which --instrument, --side and --group belong")
    client = MarketClient.from_environment()
    if order is not None:
        show_one(client.delete(f"/v1/orders/{order}"), as_json=as_json)
        return
    outcome = client.delete("/v1/orders", **query)
    if as_json:
        show_one(outcome, as_json=True)
    else:
        console.print(f"{outcome['canceled']} canceled")


def cancel_after(
    seconds: Annotated[
        int | None, typer.Argument(min=0, help="real seconds from now; 0 switches the timer off; none: show it")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let all your open orders be canceled unless this is called again in time."""
    client = MarketClient.from_environment()
    path = "/v1/orders/cancel-after"
    show_one(client.get(path) if seconds is None else client.post(path, {"seconds": seconds}), as_json=as_json)


def explain(order: Annotated[str, Reference], as_json: AsJson = False) -> None:
    """Why an order does not trade, and what would make it."""
    told = MarketClient.from_environment().get(f"/v1/orders/{order}/explain")
    if as_json:
        show_one(told, as_json=True)
        return
    console.print(f"{told['state']}: {told['explanation']}")
    if told["variants"]:
        show(told["variants"], ("change", "value", "guests", "slice_minutes", "price"), as_json=False)


def orders(
    state: Annotated[str | None, typer.Option("--state", help="only orders in this state")] = None,
    instrument: Annotated[str | None, _OF_INSTRUMENT] = None,
    side: Annotated[str | None, _OF_SIDE] = None,
    is_open: Annotated[bool, typer.Option("--open", help="only orders that rest")] = False,
    group: Annotated[str | None, _OF_GROUP] = None,
    as_json: AsJson = False,
) -> None:
    """Your orders."""
    of_state = {"state": state, "open": "true" if is_open else None}
    query = _given(**of_state, instrument=instrument, side=side, exclusive_group=group)
    show(list(MarketClient.from_environment().pages("/v1/orders", **query)), _ORDER_COLUMNS, as_json=as_json)


def _given(**query: str | None) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
