"""Commands of a trader: buy, sell, cancel, book, orders, contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import REFUSED, AsJson, show, show_one

_ORDER_COLUMNS = ("id", "side", "instrument", "price", "state", "guests", "guests_filled", "slices", "reserved")
_CONTRACT_COLUMNS = ("id", "role", "instrument", "start", "end", "slices", "price", "state", "guest_state")

Instrument = Annotated[str, typer.Argument(help="zone.class.firmness, such as fra1.std.firm")]
PriceOption = Annotated[str, typer.Option("--price", help="currency per slice-hour, such as 0.012")]
ClientId = Annotated[str | None, typer.Option("--client-id", help="your own name for the order: safe to send twice")]
Ioc = Annotated[bool, typer.Option("--ioc", help="cancel what does not trade at once")]
Minute = "UTC minute such as 2026-11-30T23:15:00Z"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(buy)
    app.command()(sell)
    app.command()(cancel)
    app.command()(book)
    app.command()(orders)
    app.command()(contracts)


def buy(
    instrument: Instrument,
    price: PriceOption,
    minutes: Annotated[int, typer.Option("--minutes", help="how long each guest runs")],
    guests: Annotated[int, typer.Option("--guests", help="how many guests")] = 1,
    slices: Annotated[int, typer.Option("--slices", help="slices per guest")] = 1,
    start_from: Annotated[str | None, typer.Option("--from", help=f"earliest start, {Minute}; else now")] = None,
    start_by: Annotated[str | None, typer.Option("--by", help=f"latest start, {Minute}; else the earliest")] = None,
    name: Annotated[str, typer.Option("--name", help="host name of the guest")] = "guest",
    image: Annotated[str, typer.Option("--image", help="image of the catalogue")] = "default",
    ssh_key: Annotated[list[Path] | None, typer.Option("--ssh-key", help="public key file; may be repeated")] = None,
    ioc: Ioc = False,
    client_id: ClientId = None,
    as_json: AsJson = False,
) -> None:
    """Bid for guests."""
    keys = [path.read_text(encoding="utf-8").strip() for path in ssh_key or []]
    body = {
        "side": "bid",
        "instrument": instrument,
        "price": price,
        "guests": guests,
        "slices_per_guest": slices,
        "duration_minutes": minutes,
        "start_from": start_from,
        "start_by": start_by,
        "guest": {"name": name, "image": image, "ssh_keys": keys},
    }
    _place(body, ioc, client_id, as_json)


def sell(
    instrument: Instrument,
    price: PriceOption,
    node: Annotated[str, typer.Option("--node", help="id of your node")],
    slices: Annotated[int, typer.Option("--slices", help="how many slices")],
    until: Annotated[str, typer.Option("--until", help=f"end of the offer, {Minute}")],
    available_from: Annotated[
        str | None, typer.Option("--from", help=f"start of the offer, {Minute}; else now")
    ] = None,
    min_minutes: Annotated[int, typer.Option("--min-minutes", help="shortest contract")] = 1,
    ioc: Ioc = False,
    client_id: ClientId = None,
    as_json: AsJson = False,
) -> None:
    """Offer slices of a node."""
    body = {
        "side": "ask",
        "instrument": instrument,
        "price": price,
        "node": node,
        "slices": slices,
        "available_from": available_from,
        "available_until": until,
        "min_minutes": min_minutes,
    }
    _place(body, ioc, client_id, as_json)


def cancel(
    order: Annotated[str, typer.Argument(help="order id, or client:<your name for it>")], as_json: AsJson = False
) -> None:
    """Take an order off the book."""
    show_one(MarketClient.from_environment().delete(f"/v1/orders/{order}"), as_json=as_json)


def book(instrument: Instrument, as_json: AsJson = False) -> None:
    """The prices at which slices are wanted and offered."""
    depth = MarketClient.from_environment().get(f"/v1/instruments/{instrument}/book")
    levels = [{"side": side[:-1], **level} for side in ("asks", "bids") for level in _top_down(side, depth[side])]
    if as_json:
        show_one(depth, as_json=True)
    else:
        show(levels, ("side", "price", "slices"), as_json=False)


def orders(
    state: Annotated[str | None, typer.Option("--state", help="only orders in this state")] = None,
    as_json: AsJson = False,
) -> None:
    """Your orders."""
    _list("/v1/orders", state, _ORDER_COLUMNS, as_json)


def contracts(
    state: Annotated[str | None, typer.Option("--state", help="only contracts in this state")] = None,
    as_json: AsJson = False,
) -> None:
    """The contracts that you bought or sold."""
    _list("/v1/contracts", state, _CONTRACT_COLUMNS, as_json)


def _place(body: dict[str, Any], ioc: bool, client_id: str | None, as_json: bool) -> None:
    body |= {"time_in_force": "ioc" if ioc else "gtc", "client_order_id": client_id}
    order = MarketClient.from_environment().post("/v1/orders", body)
    show_one(order, as_json=as_json)
    if order["state"] == "rejected":
        raise typer.Exit(REFUSED)


def _list(path: str, state: str | None, columns: tuple[str, ...], as_json: bool) -> None:
    query = {} if state is None else {"state": state}
    show(list(MarketClient.from_environment().pages(path, **query)), columns, as_json=as_json)


def _top_down(side: str, levels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Asks worst first, so that the best of both sides meet in the middle of the table."""
    return levels[::-1] if side == "asks" else levels
