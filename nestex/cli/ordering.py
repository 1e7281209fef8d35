"""Commands that enter orders, or only try them: buy, sell."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nestex.cli.alternatives import TRADE_COLUMNS, enter_one_of, with_alternatives
from nestex.cli.capacity import capacity_of
from nestex.cli.client import MarketClient
from nestex.cli.output import REFUSED, AsJson, show, show_one

MINUTE = "UTC minute such as 2026-11-30T23:15:00Z"


class TimeInForce(StrEnum):
    """How long an order stays."""

    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class SelfTradePrevention(StrEnum):
    """What is canceled where two of one's own orders would trade."""

    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"


Instrument = Annotated[str, typer.Argument(help="zone.class.firmness, such as fra1.std.firm")]
PriceOption = Annotated[str, typer.Option("--price", help="currency per slice-hour, such as 0.012")]
ClientId = Annotated[str | None, typer.Option("--client-id", help="your own name for the order: safe to send twice")]
Tif = Annotated[
    TimeInForce | None,
    typer.Option("--tif", help="gtc rests; gtd until --expires-at; ioc trades at once; fok all of it at once"),
]
ExpiresAt = Annotated[str | None, typer.Option("--expires-at", help=f"end of a gtd order, {MINUTE}")]
PostOnly = Annotated[bool, typer.Option("--post-only", help="be rejected rather than trade on entry")]
Stp = Annotated[
    SelfTradePrevention, typer.Option("--stp", help="what is canceled where it would trade with your own order")
]
Replace = Annotated[
    bool, typer.Option("--replace-on-failure", help="buy the rest again where a guest is not delivered")
]
Alternatives = Annotated[
    list[str] | None,
    typer.Option(
        "--or",
        help="or else this, of which only one is bought: what is different, such as 'fra1.mem.firm price=0.02';"
        " may be repeated, the first that trades ends the others",
    ),
]
VolumeName = Annotated[
    str | None, typer.Option("--volume", help="for an instrument of volumes: the name by which a guest knows it")
]
Linked = Annotated[
    bool,
    typer.Option(
        "--linked", help="share what is free of the node with its other linked offers: what one sells, all lose"
    ),
]
Keep = Annotated[
    str | None, typer.Option("--keep", help="with --linked: what stays free, vCPUs,MiB of memory,GiB of disk")
]
PreviewOption = Annotated[bool, typer.Option("--preview", help="only tell what would happen")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(buy)
    app.command()(sell)


def buy(
    instrument: Instrument,
    price: PriceOption,
    minutes: Annotated[int, typer.Option("--minutes", help="how long each guest runs, or volume is there")],
    guests: Annotated[int, typer.Option("--guests", help="how many guests, or volumes")] = 1,
    slices: Annotated[int, typer.Option("--slices", help="slices per guest, or volume")] = 1,
    start_from: Annotated[str | None, typer.Option("--from", help=f"earliest start, {MINUTE}; else now")] = None,
    start_by: Annotated[str | None, typer.Option("--by", help=f"latest start, {MINUTE}; else the earliest")] = None,
    name: Annotated[str, typer.Option("--name", help="host name of the guest")] = "guest",
    image: Annotated[str, typer.Option("--image", help="image of the catalogue")] = "default",
    ssh_key: Annotated[list[Path] | None, typer.Option("--ssh-key", help="public key file; may be repeated")] = None,
    volume: VolumeName = None,
    filesystem: Annotated[str, typer.Option("--filesystem", help="of a volume: ext4, or nothing")] = "",
    node: Annotated[list[str] | None, typer.Option("--node", help="only on this node; may be repeated")] = None,
    avoid: Annotated[list[str] | None, typer.Option("--avoid", help="not with this provider; may be repeated")] = None,
    min_reliability: Annotated[int, typer.Option("--min-reliability", help="of the provider, parts per million")] = 0,
    replace: Replace = False,
    tif: Tif = None,
    expires_at: ExpiresAt = None,
    post_only: PostOnly = False,
    stp: Stp = SelfTradePrevention.CANCEL_TAKER,
    client_id: ClientId = None,
    alternatives: Alternatives = None,
    preview: PreviewOption = False,
    as_json: AsJson = False,
) -> None:
    """Bid for guests, or for volumes; with --or, for one of several alternatives."""
    body = {
        "side": "bid",
        "instrument": instrument,
        "price": price,
        "guests": guests,
        "slices_per_guest": slices,
        "duration_minutes": minutes,
        "start_from": start_from,
        "start_by": start_by,
        **_conditions(node, avoid, min_reliability, replace=replace),
        **_content({"name": name, "image": image, "ssh_keys": _keys(ssh_key)}, volume, filesystem),
    }
    _enter(body | _attributes(tif, expires_at, post_only, stp, client_id), preview, as_json, alternatives)


def sell(
    price: PriceOption,
    instrument: Annotated[
        str | None, typer.Argument(help="zone.class.firmness, such as fra1.std.firm; with --contract, its own")
    ] = None,
    node: Annotated[str | None, typer.Option("--node", help="id of your node")] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="instead: id of a contract that you bought, to sell its rest")
    ] = None,
    slices: Annotated[int | None, typer.Option("--slices", help="how many slices of the node")] = None,
    until: Annotated[str | None, typer.Option("--until", help=f"end of the offer, {MINUTE}")] = None,
    available_from: Annotated[
        str | None, typer.Option("--from", help=f"start of the offer, {MINUTE}; else now")
    ] = None,
    min_minutes: Annotated[int, typer.Option("--min-minutes", help="shortest contract")] = 1,
    tif: Tif = None,
    expires_at: ExpiresAt = None,
    post_only: PostOnly = False,
    stp: Stp = SelfTradePrevention.CANCEL_TAKER,
    client_id: ClientId = None,
    linked: Linked = False,
    keep: Keep = None,
    preview: PreviewOption = False,
    as_json: AsJson = False,
) -> None:
    """Offer slices of a node, or the rest of a contract that you bought."""
    body = {
        "side": "ask",
        "instrument": instrument or _instrument_of(contract),
        "price": price,
        "node": node,
        "contract": contract,
        "slices": slices,
        "available_from": available_from,
        "available_until": until,
        "min_minutes": min_minutes,
        "linked": linked,
        "keep": None if keep is None else capacity_of(keep, "keep"),
    }
    _enter(body | _attributes(tif, expires_at, post_only, stp, client_id), preview, as_json)


def _instrument_of(contract: str | None) -> str:
    if contract is None:
        raise typer.BadParameter("name an instrument, or give --contract")
    traded: str = MarketClient.from_environment().get(f"/v1/contracts/{contract}")["instrument"]
    return traded


def _conditions(nodes: list[str] | None, avoid: list[str] | None, reliability: int, *, replace: bool) -> dict[str, Any]:
    return {
        "nodes": nodes or [],
        "avoid_providers": avoid or [],
        "min_reliability_ppm": reliability,
        "replace_on_failure": replace,
    }


def _content(guest: dict[str, Any], volume: str | None, filesystem: str) -> dict[str, Any]:
    return {"guest": guest} if volume is None else {"volume": {"name": volume, "filesystem": filesystem}}


def _attributes(
    tif: TimeInForce | None, expires_at: str | None, post_only: bool, stp: SelfTradePrevention, client_id: str | None
) -> dict[str, Any]:
    return {
        "time_in_force": tif,
        "expires_at": expires_at,
        "post_only": post_only,
        "self_trade_prevention": stp,
        "client_order_id": client_id,
    }


def _keys(files: list[Path] | None) -> list[str]:
    return [path.read_text(encoding="utf-8").strip() for path in files or []]


def _enter(body: dict[str, Any], preview: bool, as_json: bool, alternatives: list[str] | None = None) -> None:
    """Place the order, or only try it. What comes out as rejected gives the exit code of a refusal."""
    if alternatives:
        enter_one_of(with_alternatives(body, alternatives), preview, as_json)
        return
    client = MarketClient.from_environment()
    if preview:
        outcome = client.post("/v1/orders/preview", body)
        shown = {name: value for name, value in outcome.items() if name not in ("trades", "order")}
        show_one(outcome if as_json else shown, as_json=as_json)
        if not as_json and outcome["trades"]:
            show(outcome["trades"], TRADE_COLUMNS, as_json=False, title="trades")
    else:
        outcome = client.post("/v1/orders", body)
        show_one(outcome, as_json=as_json)
    if outcome["state"] == "rejected":
        raise typer.Exit(REFUSED)
