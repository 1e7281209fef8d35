"""What the engine tells the auction: every change of the books begins with one of these, stamped with its minute.

Minutes are UTC minutes since the Unix epoch, prices micro-units per slice-minute. The journal keeps commands for ever:
a new field needs a default that means what its absence meant before.

Quoted annotations are those of which a class that mypyc compiled would keep nothing for the codec to read.
"""
# ruff: noqa: UP037 - a quoted annotation is needed where nothing else remains of it in a compiled class

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.errors import InvalidInput
from matching.events import REASONS

TimeInForce = Literal["gtc", "gtd", "ioc", "fok"]
SelfTradePrevention = Literal["cancel_taker", "cancel_maker", "cancel_both"]
OptionalInt = int | None
OptionalText = str | None
InstrumentMode = Literal["open", "post_only", "cancel_only", "halted"]
"""What an instrument lets in: every order; those that do not trade at once; none."""


@dataclass(frozen=True, slots=True)
class EnterBid:
    """Asks for `guests` guests of `slices_per_guest` slices each, starting anywhere in [start_from, start_by].

    It trades only with asks of one of its `nodes` (empty: any), of no provider in `avoid_providers`, and of at least
    `min_reliability_ppm`, all as stamped on the ask. `expires_at` counts for `gtd` alone; `mode` is the instrument's as
    the order enters.

    Raises InvalidInput: `invalid_field` when the price or a size is below 1, or the reliability below 0;
    `missing_field` when it is `gtd` without `expires_at`.
    """

    minute: int
    order: str
    participant: str
    instrument: str
    price_micros: int
    guests: int
    slices_per_guest: int
    duration_minutes: int
    start_from: int
    start_by: int
    time_in_force: "TimeInForce"
    expires_at: "OptionalInt" = None
    post_only: bool = False
    self_trade_prevention: "SelfTradePrevention" = "cancel_taker"
    nodes: tuple[str, ...] = ()
    avoid_providers: tuple[str, ...] = ()
    min_reliability_ppm: int = 0
    mode: "InstrumentMode" = "open"

    def __post_init__(self) -> None:
        if self.price_micros < 1 or self.guests < 1 or self.slices_per_guest < 1 or self.duration_minutes < 1:
            raise _too_low(self, 1, "price_micros", "guests", "slices_per_guest", "duration_minutes")
        if self.min_reliability_ppm < 0:
            raise _too_low(self, 0, "min_reliability_ppm")
        if self.time_in_force == "gtd" and self.expires_at is None:
            raise _no_expiry()


Alternatives = tuple[EnterBid, ...]
MOST_ALTERNATIVES = 20
"""Bids of the largest exclusive group."""


@dataclass(frozen=True, slots=True)
class EnterAsk:
    """Offers `slices` slices of a node in [available_from, available_until), for contracts of at least `min_minutes`.

    With a `contract` it offers the rest of that one instead, whole: to one guest of just so many slices, until just its
    end, out of the node of the `deliverer`, who has sold it first. It takes nothing more of the node.

    `slice_*` is what one slice takes from the node, a fact of the slice class, and `reliability_ppm` how reliable the
    provider is at this moment: the engine stamps both on the ask. `expires_at` counts for `gtd` alone; `mode` is the
    instrument's as the order enters.

    Raises InvalidInput: `invalid_field` when the price or a size is below 1, or a resource or the reliability below 0;
    `missing_field` when it is `gtd` without `expires_at`.
    """

    minute: int
    order: str
    participant: str
    instrument: str
    node: str
    price_micros: int
    slices: int
    available_from: int
    available_until: int
    min_minutes: int
    time_in_force: "TimeInForce"
    slice_vcpus: int
    slice_memory_mib: int
    slice_disk_gib: int
    expires_at: "OptionalInt" = None
    post_only: bool = False
    self_trade_prevention: "SelfTradePrevention" = "cancel_taker"
    reliability_ppm: int = 0
    mode: "InstrumentMode" = "open"
    contract: "OptionalText" = None
    deliverer: "OptionalText" = None

    def __post_init__(self) -> None:
        if self.price_micros < 1 or self.slices < 1 or self.min_minutes < 1:
            raise _too_low(self, 1, "price_micros", "slices", "min_minutes")
        if self.slice_vcpus < 0 or self.slice_memory_mib < 0 or self.slice_disk_gib < 0 or self.reliability_ppm < 0:
            raise _too_low(self, 0, "slice_vcpus", "slice_memory_mib", "slice_disk_gib", "reliability_ppm")
        if self.time_in_force == "gtd" and self.expires_at is None:
            raise _no_expiry()


@dataclass(frozen=True, slots=True)
class Amend:
    """Changes exactly one of an open order's total `guests` (a bid), total `slices` (an ask), and price.

    A smaller size keeps the order's place; a price, also the same one, is a re-entry, into an instrument that is in
    `mode` at this moment. What the rule refuses changes nothing and causes no event; `Amended` tells that it took
    effect.

    Raises InvalidInput (`invalid_field`) when it names none or several, or a value below 1.
    """

    minute: int
    order: str
    guests: "OptionalInt" = None
    slices: "OptionalInt" = None
    price_micros: "OptionalInt" = None
    mode: "InstrumentMode" = "open"

    def __post_init__(self) -> None:
        named = [name for name in ("guests", "slices", "price_micros") if getattr(self, name) is not None]
        if len(named) != 1:
            raise InvalidInput("invalid_field", "an amendment names exactly one of guests, slices and price")
        if getattr(self, named[0]) < 1:
            raise _too_low(self, 1, named[0])


@dataclass(frozen=True, slots=True)
class Cancel:
    """Takes what is left of an order off the book, for a reason of `matching.events` that ends as `canceled`.

    Raises InvalidInput (`invalid_field`) for another reason.
    """

    minute: int
    order: str
    reason: str

    def __post_init__(self) -> None:
        if self.reason not in REASONS or REASONS[self.reason].state != "canceled":
            raise InvalidInput("invalid_field", f"{self.reason!r} is no reason to cancel an order", field="reason")


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time passes."""

    minute: int


@dataclass(frozen=True, slots=True)
class Free:
    """A contract that ends early gives back `slices` slices of its node in [start, end), all of it minutes to come, or
    nothing where both are the same. They trade only through a new ask.

    `slice_*` is what one slice takes from the node. Raises InvalidInput (`invalid_field`) when the size is below 1, a
    resource below 0, or the window has passed in part or is turned round.
    """

    minute: int
    contract: str
    node: str
    slices: int
    slice_vcpus: int
    slice_memory_mib: int
    slice_disk_gib: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.slices < 1:
            raise _too_low(self, 1, "slices")
        if self.slice_vcpus < 0 or self.slice_memory_mib < 0 or self.slice_disk_gib < 0:
            raise _too_low(self, 0, "slice_vcpus", "slice_memory_mib", "slice_disk_gib")
        if self.end < self.start:
            raise _too_low(self, self.start, "end")
        if self.start <= self.minute and self.start < self.end:
            raise _too_low(self, self.minute + 1, "start")


@dataclass(frozen=True, slots=True)
class EnterGroup:
    """Enters bids of one participant, of which only one is to trade, in this order: as soon as one trades, those that
    rest are canceled, and those that come after it do not enter.

    What is wrong with one of them (its window, its instrument's mode, its time in force) ends that one alone.

    Raises InvalidInput (`invalid_field`) for fewer than two, more than MOST_ALTERNATIVES, and bids of several minutes
    or participants, or with the same id.
    """

    minute: int
    bids: "Alternatives"

    def __post_init__(self) -> None:
        if not 2 <= len(self.bids) <= MOST_ALTERNATIVES:
            limit = f"2 to {MOST_ALTERNATIVES}"
            raise InvalidInput("invalid_field", f"a group has {limit} bids", field="bids", limit=limit)
        if len({(bid.minute, bid.participant) for bid in self.bids} | {(self.minute, self.bids[0].participant)}) > 1:
            raise InvalidInput("invalid_field", "bids of a group have one minute and participant", field="bids")
        if len({bid.order for bid in self.bids}) < len(self.bids):
            raise InvalidInput("invalid_field", "bids of a group have ids of their own", field="bids")


@dataclass(frozen=True, slots=True)
class EnterLinkedAsk:
    """Enters an ask that shares with the other linked asks of its node what is free of it: when one sells, the others
    are cut to what still fits into `offered_*`, what the node offers them, as the engine stamps it.

    Raises InvalidInput (`invalid_field`) when a resource is below 0, or a contract backs the ask: it shares nothing.
    """

    minute: int
    ask: EnterAsk
    offered_vcpus: int
    offered_memory_mib: int
    offered_disk_gib: int

    def __post_init__(self) -> None:
        if self.offered_vcpus < 0 or self.offered_memory_mib < 0 or self.offered_disk_gib < 0:
            raise _too_low(self, 0, "offered_vcpus", "offered_memory_mib", "offered_disk_gib")
        if self.ask.contract is not None:
            raise InvalidInput("invalid_field", "a contract shares nothing of a node", field="contract")


Command = EnterBid | EnterAsk | Amend | Cancel | Tick | Free | EnterGroup | EnterLinkedAsk


def _too_low(command: EnterBid | EnterAsk | EnterLinkedAsk | Amend | Free, lowest: int, *fields: str) -> InvalidInput:
    field = next(name for name in fields if getattr(command, name) < lowest)
    return InvalidInput("invalid_field", f"{field} must be at least {lowest}", field=field, limit=lowest)


def _no_expiry() -> InvalidInput:
    return InvalidInput("missing_field", "an order that is good till a date needs expires_at", field="expires_at")
