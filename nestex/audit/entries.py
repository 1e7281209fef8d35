"""Whether the auction's command in a journal entry is what the journaled request and facts make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from common.errors import InvalidInput
from market.contract_states import ENDED
from market.engine.command_json import placement_from_json
from market.engine.commands import PlaceAsk, PlaceBid, Placement
from matching.auditor.difference import Difference, require
from matching.auditor.facts import EntryFacts
from matching.commands import Amend, Command, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free
from matching.journal import JournalEntry


def check_entry(entry: JournalEntry, facts: Sequence[EntryFacts]) -> list[Placement]:
    """The requests that the entry was made of, one for each order that it enters. Raises Difference."""
    command = entry.command
    if isinstance(command, Free):
        _check_ending(entry.facts)
        return []
    if not isinstance(command, EnterBid | EnterAsk | EnterGroup | EnterLinkedAsk):
        repriced = isinstance(command, Amend) and command.price_micros is not None
        require(set(entry.facts) == ({"facts"} if repriced else set()), f"its facts are {sorted(entry.facts)}")
        if isinstance(command, Amend):
            mode = "open" if not facts else facts[0].instrument.mode
            require(command.mode == mode, f"{command.order} is amended in mode {command.mode}, the facts say {mode}")
        return []
    is_group = isinstance(command, EnterGroup)
    commands = (
        command.bids
        if isinstance(command, EnterGroup)
        else (command.ask if isinstance(command, EnterLinkedAsk) else command,)
    )
    name = "placements" if is_group else "placement"
    require(set(entry.facts) == {name, "facts"}, f"its facts are {sorted(entry.facts)}")
    requests = entry.facts[name] if is_group else [entry.facts[name]]
    require(isinstance(requests, list) and len(requests) == len(commands) == len(facts), "an order has no request")
    placements = [_checked(*parts, command.minute) for parts in zip(commands, requests, facts, strict=True)]
    for placement in placements:
        if isinstance(placement, PlaceAsk):
            _check_link(command, placement, facts[0])
    return placements


def _check_link(command: Command, placement: PlaceAsk, facts: EntryFacts) -> None:
    order, is_linked = placement.order, isinstance(command, EnterLinkedAsk)
    require(is_linked == placement.linked, f"linked of order {order} is {is_linked}, its placement says the opposite")
    if isinstance(command, EnterLinkedAsk) and facts.node is not None:
        require(command.minute == command.ask.minute, f"linked ask {order} has two minutes")
        offered, keep = facts.node.offered, placement.keep
        for resource in ("vcpus", "memory_mib", "disk_gib"):
            must = max(0, getattr(offered, resource) - getattr(keep, resource))
            there = getattr(command, f"offered_{resource}")
            require(there == must, f"linked ask {order} shares {there} {resource}, its node and placement make {must}")


def _checked(command: EnterBid | EnterAsk, request: Any, facts: EntryFacts, minute: int) -> Placement:
    try:
        placement = placement_from_json(request)
    except InvalidInput as error:
        raise Difference(f"its placement cannot be read: {error.message}") from error
    require(
        isinstance(command, EnterBid) == isinstance(placement, PlaceBid),
        f"order {command.order} is on the side that its placement is not",
    )
    expected = _entered(placement, facts, minute)
    for field in fields(command):
        value = getattr(command, field.name)
        wanted = expected.get(field.name, value)
        require(value == wanted, f"{field.name} of order {command.order} is {value}, its placement makes {wanted}")
    return placement


def _check_ending(facts: dict[str, Any]) -> None:
    ending = facts.get("ending")
    if set(facts) != {"ending"} or not isinstance(ending, dict):
        raise Difference(f"its facts are {facts}")
    known = {"state", "minute", "reason"} <= set(ending) <= {"state", "minute", "reason", "replaced_by", "not_replaced"}
    require(known and ending["state"] in ENDED, f"it ends as {ending}")


def _entered(placement: Placement, facts: EntryFacts, minute: int) -> dict[str, Any]:
    """Fields of the command. What it does not name is the auditor's to check."""
    shared = {
        "order": placement.order,
        "participant": placement.participant,
        "instrument": placement.instrument,
        "price_micros": placement.price_micros,
        "time_in_force": placement.time_in_force,
        "expires_at": placement.expires_at,
        "post_only": placement.post_only,
        "self_trade_prevention": placement.self_trade_prevention,
        "mode": facts.instrument.mode,
    }
    if isinstance(placement, PlaceBid):
        start_from = minute + 1 if placement.start_from is None else placement.start_from
        return shared | {
            "guests": placement.guests,
            "slices_per_guest": placement.slices_per_guest,
            "duration_minutes": placement.duration_minutes,
            "start_from": start_from,
            "start_by": start_from if placement.start_by is None else placement.start_by,
            "nodes": placement.nodes,
            "avoid_providers": placement.avoid_providers,
            "min_reliability_ppm": placement.min_reliability_ppm,
        }
    if placement.contract is not None:
        return shared | _rest(placement.contract, facts, minute)
    return shared | {
        "contract": None,
        "deliverer": None,
        "node": placement.node,
        "slices": placement.slices,
        "available_from": max(minute + 1, placement.available_from or 0),
        "available_until": placement.available_until,
        "min_minutes": placement.min_minutes,
        "reliability_ppm": facts.party.reliability_ppm,
    }


def _rest(contract: str, facts: EntryFacts, minute: int) -> dict[str, Any]:
    """Fields of an ask for the rest of a contract: all of them follow from that."""
    held = facts.contract
    if held is None:
        raise Difference(f"contract {contract} is offered without facts")
    return {
        "contract": contract,
        "deliverer": held.deliverer,
        "node": held.node,
        "slices": held.slices,
        "available_from": max(minute + 1, held.start_minute),
        "available_until": held.end_minute,
        "min_minutes": facts.instrument.min_minutes,
        "reliability_ppm": held.reliability_ppm,
    }
