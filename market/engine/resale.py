"""Asks that offer the rest of a contract: what they come to, and whether they may enter.

Source: the design's market rules, "Contracts", resale. No capacity and no bond stand behind such an ask: the node's
provider delivers what it has sold before, under the bond that it has given for it.
"""

from __future__ import annotations

import dataclasses

from common.errors import Conflict, InvalidInput, NotFound, Refused
from market.contract_states import RESELLABLE
from market.engine.admission import check_horizon, check_price
from market.engine.commands import PlaceAsk
from market.engine.contract_facts import ContractFacts
from market.engine.digests import content_sha256
from market.engine.facts import PlacementFacts
from market.engine.open_orders import OpenOrders
from market.engine.records import AskRecord, Stamp
from market.engine.windows import AskWindow, ask_window


def admit_rest(stamp: Stamp, ask: PlaceAsk, facts: PlacementFacts, open_orders: OpenOrders) -> AskRecord:
    """The ask with all that follows from its contract, as it may enter.

    Raises NotFound for a contract of others, Conflict for one that is offered already, and the error of the first other
    rule that the ask breaks.
    """
    held, content = _held(ask, facts), content_sha256(ask)
    whole = dataclasses.replace(
        ask,
        node=held.node,
        slices=held.slices,
        available_from=held.start_minute,
        available_until=held.end_minute,
        min_minutes=facts.instrument.min_minutes,
    )
    window = ask_window(whole, stamp.minute)
    check_rest(whole, window, facts, stamp.minute)
    if open_orders.offering(held.id) is not None:
        raise Conflict("already_exists", "an open ask offers the rest of this contract", field="contract")
    area = held.slices * (window.available_until - window.available_from)
    return AskRecord(whole, content, window, facts.terms, stamp, stamp.at_micros, "new", None, 0, area)


def check_rest(ask: PlaceAsk, window: AskWindow, facts: PlacementFacts, minute: int) -> None:
    """Raises the error that names the first rule that the whole ask breaks."""
    held, instrument = _held(ask, facts), facts.instrument
    check_price(ask.price_micros, instrument)
    if not facts.party.is_provider:
        raise Refused("not_a_provider", "to sell, send the provider form first: company, tax number, IBAN, address")
    if instrument.kind != "guest":
        raise Refused("wrong_kind", "only contracts for guests are sold on", field="contract")
    if held.instrument != instrument.code:
        message = f"the contract is of {held.instrument}"
        raise InvalidInput("invalid_field", message, field="instrument", limit=held.instrument)
    if held.state not in RESELLABLE or held.failing:
        told = "failing" if held.failing else held.state
        raise Conflict("state_forbids", f"contract {held.id} is {told}: nothing of it can be sold", field="contract")
    if held.shared:
        message = f"contract {held.id} shares its guest with another one: it cannot be sold alone"
        raise Conflict("state_forbids", message, field="contract")
    if window.available_until - window.available_from < instrument.min_minutes:
        raise InvalidInput(
            "window_too_short",
            f"less than the shortest contract of {instrument.code} is left of it",
            field="contract",
            limit=instrument.min_minutes,
        )
    check_horizon(window.available_until, minute, instrument, "contract")


def _held(ask: PlaceAsk, facts: PlacementFacts) -> ContractFacts:
    held = facts.contract
    if held is None or held.holder != ask.participant:
        raise NotFound("not_found", f"you have bought no contract {ask.contract}", field="contract")
    return held
