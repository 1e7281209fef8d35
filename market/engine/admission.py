"""Admission: whether an order may enter, before the auction sees it. What is refused here leaves no trace.

Source: the design's market rules, "Orders": an order is accepted only if it is backed at entry, a bid by money, an ask
by capacity at every minute in every resource and by its bond.
"""

from __future__ import annotations

import dataclasses

from common.errors import Conflict, InvalidInput, NotFound, Refused
from common.money import LARGEST_MICROS, Money
from common.price import MINUTES_PER_HOUR, Price, off_tick
from common.wire import Capacity
from market.engine.commands import PlaceAsk, PlaceBid
from market.engine.entries import shared_capacity
from market.engine.facts import InstrumentFacts, NodeFacts, PlacementFacts
from market.engine.windows import AskWindow, BidWindow


def check_bid(bid: PlaceBid, window: BidWindow, facts: PlacementFacts, minute: int, reserve_micros: int) -> None:
    """Raises the error that names the first rule that the bid breaks. `reserve_micros` includes the buyer's VAT."""
    instrument = facts.instrument
    _check_kind(bid, instrument)
    check_price(bid.price_micros, instrument)
    _check_duration(bid.duration_minutes, instrument, "duration_minutes")
    if window.start_by < window.start_from:
        raise InvalidInput("window_empty", "start_by lies before start_from", field="start_by")
    check_horizon(window.start_by + bid.duration_minutes, minute, instrument, "start_by")
    _check_funds(reserve_micros, "the bid reserves its limit price with VAT", facts)


def check_bid_again(bid: PlaceBid, window: BidWindow, facts: PlacementFacts, minute: int, more_micros: int) -> None:
    """The checks for a bid that enters again at another price, which reserves so much more (or less) than before."""
    check_takes_orders(facts.instrument)
    check_bid(bid, window, facts, minute, more_micros)


def check_ask(
    ask: PlaceAsk, window: AskWindow, facts: PlacementFacts, minute: int, reserve_micros: int, committed: Capacity
) -> None:
    """Raises the error that names the first rule that the ask breaks.

    `reserve_micros` is the bond, `committed` the most that open asks and sold windows take of the node in the window;
    of linked asks, the most that one of them takes and is to leave alone, and nothing if this one is linked too.
    """
    instrument = facts.instrument
    check_price(ask.price_micros, instrument)
    if not facts.party.is_provider:
        raise Refused("not_a_provider", "to sell, send the provider form first: company, tax number, IBAN, address")
    node = _own_node(ask, facts)
    if window.available_until - window.available_from < ask.min_minutes:
        raise InvalidInput(
            "window_empty",
            "less than min_minutes is left from available_from (or the next minute) to available_until",
            field="available_until",
        )
    _check_duration(ask.min_minutes, instrument, "min_minutes")
    check_horizon(window.available_until, minute, instrument, "available_until")
    if window.available_until > node.reserved_until:
        raise Refused(
            "beyond_reservation",
            "available_until lies after the node's own reservation ends",
            field="available_until",
            limit=f"minute {node.reserved_until}",
        )
    offered = shared_capacity(node.offered, ask.keep) if ask.linked else node.offered
    _check_capacity(ask.slices, instrument.slice, offered, committed)
    _check_funds(reserve_micros, "the ask reserves a bond on its limit price", facts)


def check_ask_again(
    ask: PlaceAsk, window: AskWindow, facts: PlacementFacts, minute: int, more_micros: int, committed: Capacity
) -> None:
    """The checks for an ask that enters again at another price; what it offers is part of `committed` already."""
    check_takes_orders(facts.instrument)
    check_ask(dataclasses.replace(ask, slices=0, linked=False), window, facts, minute, more_micros, committed)


def check_takes_orders(instrument: InstrumentFacts) -> None:
    """Raises Conflict for an instrument into which no order enters again."""
    if instrument.mode in ("halted", "cancel_only"):
        raise Conflict("state_forbids", f"{instrument.code} is {instrument.mode}: no order enters", field="instrument")


def _check_kind(bid: PlaceBid, instrument: InstrumentFacts) -> None:
    if bid.template.kind != instrument.kind:
        message = f"{instrument.code} trades {instrument.kind}s: a bid says what they are to be in `{instrument.kind}`"
        raise InvalidInput("missing_field", message, field=instrument.kind)


def check_price(price: int, instrument: InstrumentFacts) -> None:
    """Raises InvalidInput unless the instrument takes the price."""
    if price % instrument.tick_micros:
        raise off_tick(price * MINUTES_PER_HOUR, instrument.tick_micros, "price")
    lowest, highest = instrument.price_min_micros, instrument.price_max_micros
    if not lowest <= price <= highest:
        bounds = f"{Price(lowest).hourly()} to {Price(highest).hourly()}"
        raise InvalidInput("price_out_of_bounds", f"price must be {bounds} per slice-hour", field="price", limit=bounds)


def _check_duration(minutes: int, instrument: InstrumentFacts, field: str) -> None:
    if minutes < instrument.min_minutes:
        raise InvalidInput(
            "window_too_short",
            f"{field} is below the shortest contract of {instrument.code}",
            field=field,
            limit=instrument.min_minutes,
        )
    if minutes > instrument.max_minutes:
        raise InvalidInput(
            "window_too_long",
            f"{field} is above the longest contract of {instrument.code}",
            field=field,
            limit=instrument.max_minutes,
        )


def check_horizon(end: int, minute: int, instrument: InstrumentFacts, field: str) -> None:
    """Raises InvalidInput for a window that ends too far ahead."""
    if end > minute + instrument.horizon_minutes:
        raise InvalidInput(
            "window_beyond_horizon",
            f"{field} leads further ahead than {instrument.code} trades",
            field=field,
            limit=f"{instrument.horizon_minutes} minutes ahead",
        )


def _own_node(ask: PlaceAsk, facts: PlacementFacts) -> NodeFacts:
    node = facts.node
    if node is None or node.participant != ask.participant:
        raise NotFound("not_found", f"you have no node {ask.node}", field="node")
    if node.zone != facts.instrument.zone:
        raise InvalidInput(
            "invalid_field", f"the node is in zone {node.zone}", field="instrument", limit=f"zone {node.zone}"
        )
    if node.state == "outdated":
        message = f"the node's agent does not know {facts.instrument.kind}s, which came later than it: upgrade it"
        raise Refused("agent_outdated", message, field="node")
    if node.state != "online":
        raise Refused("node_not_ready", f"the node is {node.state}; to sell, it must be online", field="node")
    return node


def _check_capacity(slices: int, vector: Capacity, offered: Capacity, committed: Capacity) -> None:
    for resource in (name for name in ("vcpus", "memory_mib", "disk_gib") if getattr(vector, name)):
        free = getattr(offered, resource) - getattr(committed, resource)
        if slices * getattr(vector, resource) > free:
            raise Refused(
                "insufficient_capacity",
                f"{slices} slices need {slices * getattr(vector, resource)} {resource}; at some minute of the window"
                f" the node has {free} not yet offered, sold or kept back",
                field="slices",
                limit=f"{free} {resource}",
            )


def _check_funds(reserve_micros: int, what: str, facts: PlacementFacts) -> None:
    if reserve_micros > LARGEST_MICROS // 1_000_000:
        raise InvalidInput("amount_too_large", "the order's value is larger than one order may have", field="price")
    available = facts.party.available_micros
    if reserve_micros > available:
        raise Refused(
            "insufficient_funds",
            f"{what}: {Money(reserve_micros)}; available cash is {Money(available)}",
            field="price",
            limit=str(Money(max(available, 0))),
        )
