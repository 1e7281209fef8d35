"""`nestex buy --or`: several bids of which only one is to trade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import REFUSED, show, show_one

TRADE_COLUMNS = ("price", "start", "end", "guests", "slices_per_guest")
_ORDER_COLUMNS = ("id", "instrument", "price", "start_from", "duration_minutes", "state", "reason", "guests_filled")
_BID_COLUMNS = ("instrument", "price", "start_from", "duration_minutes", "state", "reason", "guests_filled")
_TEXTS = {
    "price": "price",
    "from": "start_from",
    "by": "start_by",
    "tif": "time_in_force",
    "expires-at": "expires_at",
    "client-id": "client_order_id",
}
_NUMBERS = {"minutes": "duration_minutes", "guests": "guests", "slices": "slices_per_guest"}


def with_alternatives(body: dict[str, Any], texts: Sequence[str]) -> list[dict[str, Any]]:
    """The bid, and for each text another one."""
    return [body, *(_other_bid(body, text, place) for place, text in enumerate(texts, 2))]


def enter_one_of(bids: Sequence[dict[str, Any]], preview: bool, as_json: bool) -> None:
    """Place the bids as one exclusive group, or only try them. Where none is taken, the exit code is a refusal's."""
    client = MarketClient.from_environment()
    path = "/v1/orders/exclusive"
    if preview:
        outcome = client.post(f"{path}/preview", {"bids": bids})
        states = outcome["bids"]
        rows = [bid | state for bid, state in zip(outcome["order"]["bids"], states, strict=True)]
        show_one(outcome, as_json=True) if as_json else show(rows, _BID_COLUMNS, as_json=False)
        if not as_json and outcome["trades"]:
            show(outcome["trades"], TRADE_COLUMNS, as_json=False, title="trades")
    else:
        outcome = client.post(path, {"bids": bids})
        states = outcome["orders"]
        show(states, _ORDER_COLUMNS, as_json=as_json)
    if all(state["state"] == "rejected" for state in states):
        raise typer.Exit(REFUSED)


def _other_bid(body: dict[str, Any], text: str, place: int) -> dict[str, Any]:
    """The bid with what the text changes of it: an instrument, and `option=value` for options of `buy`.

    Its client id follows from the first one's, as all bids have one or none.
    """
    other = dict(body)
    if body["client_order_id"] is not None:
        other["client_order_id"] = f"{body['client_order_id']}.{place}"
    for word in text.split():
        name, given, value = word.partition("=")
        if not given:
            other["instrument"] = word
        elif name in _TEXTS:
            other[_TEXTS[name]] = value
        elif name in _NUMBERS and value.isdecimal():
            other[_NUMBERS[name]] = int(value)
        else:
            known = ", ".join([*_TEXTS, *_NUMBERS])
            raise typer.BadParameter(f"{word}: an instrument, or option=value with one of {known}", param_hint="--or")
    return other
