"""The windows of an order as they stand at its entry: "now" is the next whole minute, and nothing starts before it."""

from __future__ import annotations

from dataclasses import dataclass

from market.engine.commands import PlaceAsk, PlaceBid


@dataclass(frozen=True, slots=True)
class BidWindow:
    """A bid's guests may start at any minute from `start_from` to `start_by`, both included."""

    start_from: int
    start_by: int


@dataclass(frozen=True, slots=True)
class AskWindow:
    """An ask's slices are for sale in minutes [`available_from`, `available_until`)."""

    available_from: int
    available_until: int


def bid_window(bid: PlaceBid, minute: int) -> BidWindow:
    """Without `start_from`: the next minute. Without `start_by`: only at `start_from`."""
    start_from = minute + 1 if bid.start_from is None else bid.start_from
    return BidWindow(start_from, start_from if bid.start_by is None else bid.start_by)


def ask_window(ask: PlaceAsk, minute: int) -> AskWindow:
    """From the next minute, or later where the ask says so: minutes that have passed back nothing and bind no bond."""
    return AskWindow(max(minute + 1, ask.available_from or 0), ask.available_until)
