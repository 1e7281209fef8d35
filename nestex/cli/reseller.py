"""`nestex nodes reseller`: a node's idle slices sell themselves; switched on, looked at, tried, switched off."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from nestex.cli.capacity import capacity_of
from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_RESULT = ("won_back", "earned", "cost", "utilisation_before", "utilisation_after", "contracts", "minutes")
_SHARES = ("won_back_ppm", "utilisation_before_ppm", "utilisation_after_ppm")


class Strategy(StrEnum):
    """How the price is found."""

    FIXED = "fixed"
    UNDERCUT = "undercut"
    DECAY = "decay"
    ZIP = "zip"


Node = Annotated[str, typer.Argument(help="id of your node")]
Sell = Annotated[
    list[str] | None, typer.Option("--sell", help="an instrument to sell, such as fra1.std.firm; repeatable")
]
Cost = Annotated[str | None, typer.Option("--cost", help="what your reservation of the whole VM costs per hour")]
StrategyOption = Annotated[
    Strategy | None,
    typer.Option(help="fixed; undercut the cheapest; decay to the floor while nothing sells (default); zip learns"),
]
Keep = Annotated[str | None, typer.Option(help="what you keep for yourself: vCPUs,MiB of memory,GiB of disk")]
Until = Annotated[str | None, typer.Option(help="sell no minute from this UTC minute on; else the reservation's end")]
Utilisation = Annotated[int | None, typer.Option(help="percent of the time that you expect a slice to be sold")]
Markup = Annotated[int | None, typer.Option(help="percent by which the first price lies above the floor")]
MinMinutes = Annotated[int | None, typer.Option(help="the shortest contract")]
DecayMinutes = Annotated[int | None, typer.Option(help="decay: from the first price to the floor")]
AheadMinutes = Annotated[int | None, typer.Option(help="how far ahead it sells")]
Off = Annotated[bool, typer.Option("--off", help="switch it off: offers leave, what is sold stays sold")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only explain what it would do now, and why")]


def reseller(
    node: Node,
    sell: Sell = None,
    cost: Cost = None,
    strategy: StrategyOption = None,
    keep: Keep = None,
    until: Until = None,
    utilisation: Utilisation = None,
    markup: Markup = None,
    min_minutes: MinMinutes = None,
    decay_minutes: DecayMinutes = None,
    ahead_minutes: AheadMinutes = None,
    off: Off = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Sell a node's idle slices automatically. With --sell and --cost: begin, or change how; without: show how it
    goes."""
    wishes = {
        "instruments": sell,
        "cost_per_hour": cost,
        "strategy": None if strategy is None else strategy.value,
        "keep": None if keep is None else capacity_of(keep, "keep"),
        "until": until,
        "expected_utilisation_percent": utilisation,
        "markup_percent": markup,
        "min_minutes": min_minutes,
        "decay_minutes": decay_minutes,
        "ahead_minutes": ahead_minutes,
    }
    body = {name: value for name, value in wishes.items() if value}
    if off and (body or dry_run):
        raise typer.BadParameter("--off goes alone")
    market, path = MarketClient.from_environment(), f"/v1/nodes/{node}/reseller"
    if dry_run:
        _show_plan(market.post(f"{path}/plan", body) if body else market.get(f"{path}/plan"), as_json)
    elif off:
        _show(market.delete(path), as_json)
    else:
        _show(market.put(path, body) if body else market.get(path), as_json)


def _show(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_one(told, as_json=True)
        return
    result = told["result"]
    shares = {name.removesuffix("_ppm"): _percent(result[name]) for name in _SHARES}
    rows = {name: (result | shares)[name] for name in _RESULT}
    wishes = {name: value for name, value in told.items() if name not in ("result", "keep", "last_turn_said")}
    kept = {"keep": ",".join(str(value) for value in told["keep"].values())}
    show_one(wishes | {"instruments": ", ".join(told["instruments"])} | kept | rows, as_json=False)
    _say([_in_words(result), *told["last_turn_said"]])


def _show_plan(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_one(told, as_json=True)
        return
    show(told["prices"], ("instrument", "floor", "first_price", "price"), as_json=False)
    _say(told["said"])


def _in_words(result: dict[str, Any]) -> str:
    """What the figures mean, for somebody who sees them for the first time."""
    if result["minutes"] == 0:
        return "It has just begun: there is nothing to tell yet."
    won_back, before, after = (_percent(result[name]) for name in _SHARES)
    came_back = "" if won_back is None else f": {won_back} of it came back"
    return (
        f"In {result['minutes']} minutes your reservation has cost {result['cost']}, and"
        f" {result['contracts']} contracts have earned you {result['earned']}{came_back}."
        f" The part of the node that is in use went from {before}, which you keep or sell yourself, to {after}."
    )


def _say(sentences: list[str]) -> None:
    for sentence in sentences:
        console.print(f"- {sentence}", markup=False)


def _percent(share_ppm: int | None) -> str | None:
    return None if share_ppm is None else f"{share_ppm // 10_000}.{share_ppm // 100 % 100:02} %"
