"""What the engine tells the auction: every change of the books begins with one of these, stamped with its minute.

Minutes are UTC minutes since the Unix epoch, prices micro-units per slice-minute. The journal keeps commands for ever:
a new field needs a default that means what its absence meant before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.errors import InvalidInput
from matching.events import REASONS

TimeInForce = Literal["gtc", "ioc"]


@dataclass(frozen=True, slots=True)
class EnterBid:
    """Asks for `guests` guests of `slices_per_guest` slices each, starting anywhere in [start_from, start_by].

    Raises InvalidInput (`invalid_field`) when the price or a size is below 1.
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
    time_in_force: TimeInForce

    def __post_init__(self) -> None:
        if self.price_micros < 1 or self.guests < 1 or self.slices_per_guest < 1 or self.duration_minutes < 1:
            raise _too_low(self, 1, "price_micros", "guests", "slices_per_guest", "duration_minutes")


@dataclass(frozen=True, slots=True)
class EnterAsk:
    """Offers `slices` slices of a node in [available_from, available_until), for contracts of at least `min_minutes`.

    `slice_*` is what one slice takes from the node: a fact of the slice class that the engine stamps on the ask.

    Raises InvalidInput (`invalid_field`) when the price or a size is below 1, or a resource below 0.
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
    time_in_force: TimeInForce
    slice_vcpus: int
    slice_memory_mib: int
    slice_disk_gib: int

    def __post_init__(self) -> None:
        if self.price_micros < 1 or self.slices < 1 or self.min_minutes < 1:
            raise _too_low(self, 1, "price_micros", "slices", "min_minutes")
        if self.slice_vcpus < 0 or self.slice_memory_mib < 0 or self.slice_disk_gib < 0:
            raise _too_low(self, 0, "slice_vcpus", "slice_memory_mib", "slice_disk_gib")


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


Command = EnterBid | EnterAsk | Cancel | Tick


def _too_low(command: EnterBid | EnterAsk, lowest: int, *fields: str) -> InvalidInput:
    field = next(name for name in fields if getattr(command, name) < lowest)
    return InvalidInput("invalid_field", f"{field} must be at least {lowest}", field=field, limit=lowest)
