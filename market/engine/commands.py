"""What the market asks an engine to do, and what the engine answers: the messages between use cases and engine.

Quantities are integers, prices micro-units per slice-minute, minutes UTC minutes since the Unix epoch. `None` for a
start means the next whole minute.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from common import codec
from common.errors import InvalidInput

TimeInForce = Literal["gtc", "ioc"]


@dataclass(frozen=True, slots=True)
class GuestTemplate:
    """What the buyer wants its guests to be, apart from their size."""

    name: str
    image: str
    ssh_keys: tuple[str, ...] = ()
    user_data: str = ""


@dataclass(frozen=True, slots=True)
class PlaceBid:
    """Enter a bid for `guests` guests, each of `slices_per_guest` slices for `duration_minutes`."""

    order: str
    participant: str
    client_order_id: str | None
    instrument: str
    price_micros: int
    time_in_force: TimeInForce
    guests: int
    slices_per_guest: int
    duration_minutes: int
    start_from: int | None
    start_by: int | None
    template: GuestTemplate
    kind: Literal["place_bid"] = "place_bid"


@dataclass(frozen=True, slots=True)
class PlaceAsk:
    """Enter an ask for `slices` slices of one node during [`available_from`, `available_until`)."""

    order: str
    participant: str
    client_order_id: str | None
    instrument: str
    price_micros: int
    time_in_force: TimeInForce
    node: str
    slices: int
    available_from: int | None
    available_until: int
    min_minutes: int
    kind: Literal["place_ask"] = "place_ask"


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take an open order off the book, for a reason from `matching.events`."""

    order: str
    participant: str
    reason: str = "requested"
    kind: Literal["cancel"] = "cancel"


@dataclass(frozen=True, slots=True)
class Expire:
    """Let time pass: the engine's own command, entered when an order's window can no longer be served."""

    kind: Literal["expire"] = "expire"


Command = PlaceBid | PlaceAsk | CancelOrder | Expire
Placement = PlaceBid | PlaceAsk

_KINDS: dict[str, type[Any]] = {"place_bid": PlaceBid, "place_ask": PlaceAsk, "cancel": CancelOrder, "expire": Expire}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of `common.errors`, on its way back to the caller."""

    error: str
    code: str
    message: str
    field: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The order as it stands after the commit (columns of the `orders` table), or why nothing happened."""

    order: dict[str, Any] | None = None
    problem: Problem | None = None


def command_from_json(value: Any) -> Command:
    """The command in parsed JSON. Raises InvalidInput (`message_malformed`)."""
    kind = _KINDS.get(str(value.get("kind"))) if isinstance(value, dict) else None
    if kind is None:
        raise InvalidInput("message_malformed", "this is no command of the engine", field="kind")
    command: Command = codec.from_json(kind, value)
    return command


def content_sha256(placement: Placement) -> bytes:
    """A digest of all that the caller chose: a retry has the same one, though its order id is fresh."""
    return hashlib.sha256(codec.encode(dataclasses.replace(placement, order=""))).digest()
