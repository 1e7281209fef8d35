"""Commands of a reader: what there is to trade, at what prices, and what has traded."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.ordering import MINUTE, Instrument
from nestex.cli.output import AsJson, show, show_one

_INSTRUMENT_COLUMNS = ("code", "mode", "tick", "price_min", "price_max", "min_minutes", "max_minutes", "bond_ppm")
_CLASS_COLUMNS = ("name", "kind", "vcpus", "memory_mib", "disk_gib", "cpu_shares")
_CANDLE_COLUMNS = ("start", "open", "high", "low", "close", "volume", "trades")
_TRADE_COLUMNS = ("at", "price", "start", "end", "guests", "slices_per_guest", "taker_side")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(instruments)
    app.command()(classes)
    app.command()(book)
    app.command()(trades)
    app.command()(candles)
    app.command()(quality)


def instruments(as_json: AsJson = False) -> None:
    """What is traded."""
    show(MarketClient.from_environment().get("/v1/instruments"), _INSTRUMENT_COLUMNS, as_json=as_json)


def classes(as_json: AsJson = False) -> None:
    """The sizes that slices come in."""
    show(MarketClient.from_environment().get("/v1/classes"), _CLASS_COLUMNS, as_json=as_json)


def book(
    instrument: Instrument,
    minutes: Annotated[
        int | None, typer.Option("--minutes", help="also what a bid for guests of so many minutes would trade")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help=f"of such guests, {MINUTE}; else now")] = None,
    slices: Annotated[int | None, typer.Option("--slices", help="of such guests, each; else 1")] = None,
    as_json: AsJson = False,
) -> None:
    """The prices at which slices are wanted and offered."""
    asked = {"duration": minutes, "start": start, "slices_per_guest": slices}
    query = {name: value for name, value in asked.items() if value is not None}
    depth = MarketClient.from_environment().get(f"/v1/instruments/{instrument}/book", **query)
    if as_json:
        show_one(depth, as_json=True)
        return
    levels = [{"side": side[:-1], **level} for side in ("asks", "bids") for level in _top_down(side, depth[side])]
    show(levels, ("side", "price", "slices"), as_json=False)
    if depth["executable"] is not None:
        show(depth["executable"], ("price", "guests"), as_json=False, title="would trade now")


def trades(
    instrument: Instrument,
    newest: Annotated[int, typer.Option("--newest", min=1, help="how many, the newest last")] = 50,
    as_json: AsJson = False,
) -> None:
    """What has traded, in execution order."""
    rows = list(MarketClient.from_environment().pages(f"/v1/instruments/{instrument}/trades"))
    show(rows[-newest:], _TRADE_COLUMNS, as_json=as_json)


def candles(
    instrument: Instrument,
    interval: Annotated[int, typer.Option("--interval", min=1, help="minutes of a candle")] = 60,
    start: Annotated[str | None, typer.Option("--start", help=f"first candle, {MINUTE}; else the oldest")] = None,
    newest: Annotated[int, typer.Option("--newest", min=1, help="how many, the newest last")] = 50,
    as_json: AsJson = False,
) -> None:
    """Open, high, low and close prices, and the volume in slice-minutes."""
    query = {"interval": interval} | ({} if start is None else {"start": start})
    rows = deque(MarketClient.from_environment().pages(f"/v1/instruments/{instrument}/candles", **query), newest)
    show(list(rows), _CANDLE_COLUMNS, as_json=as_json)


def quality(
    instrument: Instrument,
    days: Annotated[int, typer.Option("--days", min=1, help="contracts that began in the last so many days")] = 30,
    as_json: AsJson = False,
) -> None:
    """How well an instrument was delivered."""
    show_one(MarketClient.from_environment().get(f"/v1/instruments/{instrument}/quality", days=days), as_json=as_json)


def _top_down(side: str, levels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Asks worst first, so that the best of both sides meet in the middle of the table."""
    return levels[::-1] if side == "asks" else levels
