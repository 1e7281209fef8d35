"""Lines for the replay filter, and the same commands and events as the auction knows them."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterable
from typing import Any

from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid
from matching.events import Done, Trade
from nestex import replay as replay_filter

ASK = {
    "kind": "ask", "minute": 1000, "instrument": "z.std.firm", "order": "a1", "participant": "p1", "node": "n1",
    "price": 200, "slices": 8, "from": 1000, "until": 2000,
}  # fmt: skip
BID = {
    "kind": "bid", "minute": 1000, "instrument": "z.std.firm", "order": "b1", "participant": "p2", "price": 200,
    "guests": 2, "slices_per_guest": 2, "duration": 60, "start_by": 1100,
}  # fmt: skip
TICK = {"kind": "tick", "minute": 1000}


def run(source: bytes) -> list[dict[str, Any]]:
    sink = io.BytesIO()
    replay_filter.replay(io.BytesIO(source), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def answers(*commands: dict[str, Any]) -> list[dict[str, Any]]:
    return run("".join(json.dumps(command) + "\n" for command in commands).encode())


def without(command: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in command.items() if key != name}


def expressible(command: Command) -> Command:
    """The command without what the filter's lines have no fields for: a bid's conditions, an instrument's mode, the
    contract behind an ask."""
    if isinstance(command, EnterBid):
        command = dataclasses.replace(command, nodes=(), avoid_providers=(), min_reliability_ppm=0)
    if isinstance(command, EnterAsk):
        command = dataclasses.replace(command, contract=None, deliverer=None)
    if isinstance(command, EnterBid | EnterAsk | Amend):
        command = dataclasses.replace(command, mode="open")
    return command


def as_line(command: Command) -> dict[str, Any]:
    line: dict[str, Any] = {"minute": command.minute}
    if isinstance(command, EnterBid | EnterAsk):
        line |= {
            "order": command.order,
            "participant": command.participant,
            "instrument": command.instrument,
            "price": command.price_micros,
            "tif": command.time_in_force,
            "expires_at": command.expires_at,
            "post_only": command.post_only,
            "stp": command.self_trade_prevention,
        }
    if isinstance(command, EnterBid):
        return line | {
            "kind": "bid",
            "guests": command.guests,
            "slices_per_guest": command.slices_per_guest,
            "duration": command.duration_minutes,
            "start_from": command.start_from,
            "start_by": command.start_by,
        }
    if isinstance(command, EnterAsk):
        return line | {
            "kind": "ask",
            "node": command.node,
            "slices": command.slices,
            "from": command.available_from,
            "until": command.available_until,
            "min_minutes": command.min_minutes,
        }
    if isinstance(command, Amend):
        named = {"guests": command.guests, "slices": command.slices, "price": command.price_micros}
        return line | {"kind": "amend", "order": command.order} | {k: v for k, v in named.items() if v is not None}
    return line | ({"kind": "cancel", "order": command.order} if isinstance(command, Cancel) else {"kind": "tick"})


def as_printed(event: object) -> Iterable[dict[str, Any]]:
    if isinstance(event, Trade):
        yield {
            "event": "trade",
            "bid": event.bid,
            "ask": event.ask,
            "price": event.price_micros,
            "start": event.start,
            "end": event.end,
            "guests": event.guests,
            "slices_per_guest": event.slices_per_guest,
        }
    elif isinstance(event, Done):
        yield {"event": "done", "order": event.order, "state": event.state, "reason": event.reason}
