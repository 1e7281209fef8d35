"""`nestex operator`: commands of whoever runs the market. They need a key with the scope `operate`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.ordering import Instrument
from nestex.cli.output import AsJson, show, show_one

_PARTICIPANT_COLUMNS = ("id", "name", "is_provider", "fee_ppm")
_EVENT_COLUMNS = ("position", "at", "kind", "subject", "payload")

_operator = typer.Typer(help="For whoever runs the market.", no_args_is_help=True)

PriceMin = Annotated[str | None, typer.Option("--price-min", help="lowest price, per slice-hour")]
PriceMax = Annotated[str | None, typer.Option("--price-max", help="highest price, per slice-hour")]
MinMinutes = Annotated[int | None, typer.Option("--min-minutes", help="shortest contract")]
MaxMinutes = Annotated[int | None, typer.Option("--max-minutes", help="longest contract")]
Horizon = Annotated[int | None, typer.Option("--horizon", help="minutes ahead that a window may end")]
Deadline = Annotated[int | None, typer.Option("--deadline", help="minutes that a guest may take to become ready")]
BondPpm = Annotated[int | None, typer.Option("--bond", help="bond rate, parts per million")]
ReleasePpm = Annotated[int | None, typer.Option("--release", help="rate of early release, parts per million")]
BreakPpm = Annotated[int | None, typer.Option("--break", help="break fee of spot contracts, parts per million")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_operator, name="operator")


@_operator.command()
def open_instrument(
    instrument: Instrument,
    tick: Annotated[str | None, typer.Option("--tick", help="smallest step of prices, per slice-hour")] = None,
    price_min: PriceMin = None,
    price_max: PriceMax = None,
    min_minutes: MinMinutes = None,
    max_minutes: MaxMinutes = None,
    horizon: Horizon = None,
    deadline: Deadline = None,
    bond: BondPpm = None,
    release: ReleasePpm = None,
    break_: BreakPpm = None,
    as_json: AsJson = False,
) -> None:
    """Open a new instrument for trading. What is not given has its usual value."""
    parts = instrument.split(".")
    if len(parts) != 3:
        raise typer.BadParameter("an instrument is written zone.class.firmness", param_hint="INSTRUMENT")
    limits = _limits(price_min, price_max, min_minutes, max_minutes, horizon, deadline, bond, release, break_)
    body = dict(zip(("zone", "slice_class", "firmness"), parts, strict=True)) | _given(tick=tick) | limits
    show_one(MarketClient.from_environment().post("/v1/instruments", body), as_json=as_json)


@_operator.command()
def mode(
    instrument: Instrument,
    to: Annotated[str, typer.Argument(metavar="MODE", help="open, post_only, cancel_only or halted")],
    as_json: AsJson = False,
) -> None:
    """Say what an instrument lets in from now on: all orders, those that do not trade at once, or none."""
    changed = MarketClient.from_environment().patch(f"/v1/instruments/{instrument}", {"mode": to})
    show_one(changed, as_json=as_json)


@_operator.command()
def limits(
    instrument: Instrument,
    price_min: PriceMin = None,
    price_max: PriceMax = None,
    min_minutes: MinMinutes = None,
    max_minutes: MaxMinutes = None,
    horizon: Horizon = None,
    deadline: Deadline = None,
    bond: BondPpm = None,
    release: ReleasePpm = None,
    break_: BreakPpm = None,
    as_json: AsJson = False,
) -> None:
    """Change an instrument's limits and rates, for orders that enter from now on."""
    changes = _limits(price_min, price_max, min_minutes, max_minutes, horizon, deadline, bond, release, break_)
    changed = MarketClient.from_environment().patch(f"/v1/instruments/{instrument}", changes)
    show_one(changed, as_json=as_json)


@_operator.command()
def add_class(
    name: Annotated[str, typer.Argument(help="of the slice class")],
    vcpus: Annotated[int, typer.Option("--vcpus")],
    memory_mib: Annotated[int, typer.Option("--memory-mib")],
    disk_gib: Annotated[int, typer.Option("--disk-gib")],
    cpu_shares: Annotated[int, typer.Option("--cpu-shares", help="CPU weight of its guests")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Add a size that slices come in."""
    body = {"name": name, "vcpus": vcpus, "memory_mib": memory_mib, "disk_gib": disk_gib, "cpu_shares": cpu_shares}
    show_one(MarketClient.from_environment().post("/v1/classes", body), as_json=as_json)


@_operator.command()
def admit(
    name: Annotated[str, typer.Argument(help="of the organisation")],
    email: Annotated[str, typer.Option("--email", help="of its first user")],
    fee_ppm: Annotated[int | None, typer.Option("--fee", help="its fee as a seller, parts per million")] = None,
    as_json: AsJson = False,
) -> None:
    """Admit an organisation. Its first API key is shown only now."""
    body = {"name": name, "email": email} | _given(fee_ppm=fee_ppm)
    admitted = MarketClient.from_environment().post("/v1/participants", body)
    if as_json:
        show_one(admitted, as_json=True)
    else:
        show_one(admitted["participant"] | {"api_key": admitted["api_key"]}, as_json=False)


@_operator.command()
def participants(as_json: AsJson = False) -> None:
    """All participants."""
    show(list(MarketClient.from_environment().pages("/v1/participants")), _PARTICIPANT_COLUMNS, as_json=as_json)


@_operator.command()
def deposit(
    participant: Annotated[str, typer.Argument(help="id of the participant")],
    amount: Annotated[str, typer.Argument(help="such as 100.00")],
    key: Annotated[str, typer.Option("--key", help="the bank's reference: the same one again is booked once")],
    as_json: AsJson = False,
) -> None:
    """Book money that has arrived for a participant."""
    body = {"participant": participant, "amount": amount, "key": key}
    show_one(MarketClient.from_environment().post("/v1/deposits", body), as_json=as_json)


@_operator.command()
def feed(
    stream: Annotated[str | None, typer.Argument(help="such as engine.fra1; none lists the streams")] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="position behind which to begin")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="how many events at most")] = 100,
    as_json: AsJson = False,
) -> None:
    """Committed changes, in order and without a gap."""
    client = MarketClient.from_environment()
    if stream is None:
        show(client.get("/v1/feed"), ("stream", "newest"), as_json=as_json)
        return
    part = client.get(f"/v1/feed/{stream}", after=after, limit=limit)
    if as_json:
        show_one(part, as_json=True)
    else:
        rows = [event | {"payload": json.dumps(event["payload"])} for event in part["items"]]
        show(rows, _EVENT_COLUMNS, as_json=False)


def _limits(
    price_min: str | None,
    price_max: str | None,
    min_minutes: int | None,
    max_minutes: int | None,
    horizon: int | None,
    deadline: int | None,
    bond: int | None,
    release: int | None,
    break_: int | None,
) -> dict[str, Any]:
    """What was given, under the names of the interface."""
    return _given(
        price_min=price_min,
        price_max=price_max,
        min_minutes=min_minutes,
        max_minutes=max_minutes,
        horizon_minutes=horizon,
        delivery_deadline_minutes=deadline,
        bond_ppm=bond,
        release_ppm=release,
        break_ppm=break_,
    )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
