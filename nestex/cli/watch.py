"""`nestex watch`: what happens, as it happens. A connection that breaks is made anew, and nothing is missed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from nestex.cli.ordering import Instrument
from nestex.cli.output import AsJson, console
from nestex.cli.stream import hear

Count = Annotated[int | None, typer.Option("--count", min=1, help="end after so many messages; else with Ctrl-C")]
_ENOUGH_LEVELS = 10

watch = typer.Typer(help="What happens, as it happens.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(watch, name="watch")


@watch.command()
def book(instrument: Instrument, count: Count = None, as_json: AsJson = False) -> None:
    """The levels of a book, and each change of them."""
    for message in _heard(f"book:{instrument}", count):
        if as_json:
            _print_json(message)
            continue
        for side in ("asks", "bids"):
            for level in message[side][:_ENOUGH_LEVELS] if message["type"] == "snapshot" else message[side]:
                console.print(f"{message['sequence']}  {side[:-1]}  {level['price']}  {level['slices'] or 'gone'}")


@watch.command()
def trades(instrument: Instrument, count: Count = None, as_json: AsJson = False) -> None:
    """Trades of an instrument."""
    for message in _heard(f"trades:{instrument}", count):
        made = message["trade"]
        size = f"{made['guests']} x {made['slices_per_guest']}"
        _say(message, as_json, f"{made['at']}  {made['price']}  {size}  {made['start']} - {made['end']}")


@watch.command()
def orders(count: Count = None, as_json: AsJson = False) -> None:
    """Your orders: entered, traded, amended, done."""
    for message in _heard("orders", count):
        order, change = message["order"], message["change"]
        reason = change["reason"] or ""
        _say(
            message, as_json, f"{order['id']}  {order['side']}  {order['price']}  {change['state']}  {reason}".rstrip()
        )


@watch.command()
def contracts(count: Count = None, as_json: AsJson = False) -> None:
    """Your contracts: made, running, ended."""
    for message in _heard("contracts", count):
        contract, change = message["contract"], message["change"]
        reason = change["reason"] or ""
        line = f"{contract['id']}  {contract['role']}  {contract['guest_name']}  {change['state']}  {reason}"
        _say(message, as_json, line.rstrip())


@watch.command()
def account(count: Count = None, as_json: AsJson = False) -> None:
    """Your balances."""
    for message in _heard("account", count):
        held = message["account"]
        _say(message, as_json, "  ".join(f"{name} {held[name]}" for name in ("cash", "reserved", "escrow", "earned")))


def _heard(channel: str, count: int | None) -> Iterator[dict[str, Any]]:
    """So many messages of the channel."""
    return islice(hear(channel), count)


def _say(message: dict[str, Any], as_json: bool, line: str) -> None:
    if as_json:
        _print_json(message)
    else:
        console.print(line, soft_wrap=True)


def _print_json(message: dict[str, Any]) -> None:
    """A line each, so that a program can take them one by one."""
    console.print(json.dumps(message), soft_wrap=True, markup=False)
