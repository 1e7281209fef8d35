"""From an order as the engine keeps it to the command with which the auction takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from common.wire import Capacity
from market.engine.facts import PlacementFacts
from market.engine.records import AskRecord, BidRecord, OrderRecord
from matching.commands import EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, InstrumentMode

_NOTHING = Capacity(0, 0, 0)


def entry_of(record: OrderRecord, facts: PlacementFacts) -> EnterBid | EnterAsk | EnterLinkedAsk:
    """The entry, with the facts that the auction needs: the instrument's mode, the slice's size, the provider's
    reliability; for a linked ask also what the node offers to those."""
    mode = cast(InstrumentMode, facts.instrument.mode)  # a CHECK of the table
    if isinstance(record, BidRecord):
        return _enter_bid(record, mode)
    ask = _enter_ask(record, mode, facts)
    if not record.ask.linked or facts.node is None:
        return ask
    shared = shared_capacity(facts.node.offered, record.ask.keep)
    return EnterLinkedAsk(ask.minute, ask, shared.vcpus, shared.memory_mib, shared.disk_gib)


def shared_capacity(offered: Capacity, keep: Capacity) -> Capacity:
    """What of the node's offer linked asks share that are to keep so much of it."""
    return Capacity(
        max(0, offered.vcpus - keep.vcpus),
        max(0, offered.memory_mib - keep.memory_mib),
        max(0, offered.disk_gib - keep.disk_gib),
    )


def group_of(records: Sequence[BidRecord], facts: Sequence[PlacementFacts]) -> EnterGroup:
    """The entry of an exclusive group, each bid with its own instrument's mode."""
    bids = [
        _enter_bid(record, cast(InstrumentMode, used.instrument.mode))
        for record, used in zip(records, facts, strict=True)
    ]
    return EnterGroup(records[0].entered.minute, tuple(bids))


def _enter_bid(record: BidRecord, mode: InstrumentMode) -> EnterBid:
    bid = record.bid
    return EnterBid(
        minute=record.entered.minute,
        order=bid.order,
        participant=bid.participant,
        instrument=bid.instrument,
        price_micros=bid.price_micros,
        guests=bid.guests,
        slices_per_guest=bid.slices_per_guest,
        duration_minutes=bid.duration_minutes,
        start_from=record.window.start_from,
        start_by=record.window.start_by,
        time_in_force=bid.time_in_force,
        expires_at=bid.expires_at,
        post_only=bid.post_only,
        self_trade_prevention=bid.self_trade_prevention,
        nodes=bid.nodes,
        avoid_providers=bid.avoid_providers,
        min_reliability_ppm=bid.min_reliability_ppm,
        mode=mode,
    )


def _enter_ask(record: AskRecord, mode: InstrumentMode, facts: PlacementFacts) -> EnterAsk:
    """What is sold of a contract takes nothing of the node, and is as reliable as the node's provider."""
    ask, held = record.ask, facts.contract
    vector = record.terms.instrument.slice if held is None else _NOTHING
    return EnterAsk(
        minute=record.entered.minute,
        order=ask.order,
        participant=ask.participant,
        instrument=ask.instrument,
        node=ask.node,
        price_micros=ask.price_micros,
        slices=ask.slices,
        available_from=record.window.available_from,
        available_until=record.window.available_until,
        min_minutes=ask.min_minutes,
        time_in_force=ask.time_in_force,
        slice_vcpus=vector.vcpus,
        slice_memory_mib=vector.memory_mib,
        slice_disk_gib=vector.disk_gib,
        expires_at=ask.expires_at,
        post_only=ask.post_only,
        self_trade_prevention=ask.self_trade_prevention,
        reliability_ppm=facts.party.reliability_ppm if held is None else held.reliability_ppm,
        mode=mode,
        contract=ask.contract,
        deliverer=None if held is None else held.deliverer,
    )
