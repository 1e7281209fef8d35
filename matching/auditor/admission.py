"""Whether an order that the journal says was let in could be let in, by the facts that are journaled with it.

Source: the design's market rules, "Who and what" and "Orders". Cash and capacity are looked at elsewhere.
"""

from __future__ import annotations

from matching.auditor.difference import Difference, require
from matching.auditor.facts import EntryFacts, InstrumentFacts
from matching.auditor.holding import Holding
from matching.commands import EnterAsk, EnterBid

_SOUND = ("scheduled", "provisioning", "running", "stopped")
"""States of a contract of which something is left to sell."""


def check_admission(taker: Holding, facts: EntryFacts, shard: str, now: int) -> None:
    """Raises Difference for the first limit that the order breaks, as it meets the book at minute `now`."""
    entry, instrument = taker.entry, facts.instrument
    require(instrument.code == entry.instrument, f"order {entry.order} has the facts of {instrument.code}")
    require(instrument.zone == shard, f"order {entry.order} is for zone {instrument.zone}")
    price = taker.price_micros
    within = instrument.price_min_micros <= price <= instrument.price_max_micros
    on_tick = instrument.tick_micros > 0 and price % instrument.tick_micros == 0
    require(within and on_tick, f"order {entry.order} came in at {price}, which {instrument.code} does not take")
    if isinstance(entry, EnterBid):
        _check_window(entry.order, entry.duration_minutes, entry.start_by + entry.duration_minutes, instrument, now)
        require(entry.start_from <= entry.start_by, f"bid {entry.order} has no minute to start at")
    else:
        _check_window(entry.order, entry.min_minutes, entry.available_until, instrument, now)
        _check_node(entry, facts) if entry.contract is None else _check_contract(entry, facts)


def _check_window(order: str, shortest: int, end: int, instrument: InstrumentFacts, now: int) -> None:
    limits = f"[{instrument.min_minutes}, {instrument.max_minutes}]"
    fits = instrument.min_minutes <= shortest <= instrument.max_minutes
    require(fits, f"order {order} came in with {shortest} minutes, the limits were {limits}")
    last = now + instrument.horizon_minutes
    require(end <= last, f"order {order} came in with an end at {end}, the horizon was {last}")


def _check_node(ask: EnterAsk, facts: EntryFacts) -> None:
    node, order, size = facts.node, ask.order, facts.instrument.slice
    if node is None:
        raise Difference(f"ask {order} came in without a node")
    require(facts.party.is_provider, f"ask {order} came in from a participant that is no provider")
    require(node.id == ask.node, f"ask {order} of node {ask.node} has the facts of node {node.id}")
    owner = f"ask {order} of {ask.participant} came in for a node of {node.participant}"
    require(node.participant == ask.participant, owner)
    require(node.zone == facts.instrument.zone, f"ask {order} came in for a node in zone {node.zone}")
    require(node.state == "online", f"ask {order} came in for a node that was {node.state}")
    stamped = (ask.slice_vcpus, ask.slice_memory_mib, ask.slice_disk_gib)
    require(
        stamped == (size.vcpus, size.memory_mib, size.disk_gib),
        f"a slice of ask {order} takes {stamped}, its class {size}",
    )
    beyond = f"ask {order} came in until {ask.available_until}, the node was reserved until {node.reserved_until}"
    require(ask.available_until <= node.reserved_until, beyond)


def _check_contract(ask: EnterAsk, facts: EntryFacts) -> None:
    """What is offered is the rest of a sound contract of the participant's own: all of it, and longer than the
    shortest."""
    held, order = facts.contract, ask.order
    if held is None:
        raise Difference(f"ask {order} came in without its contract")
    require(facts.party.is_provider, f"ask {order} came in from a participant that is no provider")
    require(held.id == ask.contract, f"ask {order} of contract {ask.contract} has the facts of {held.id}")
    owner = f"ask {order} of {ask.participant} came in for a contract of {held.holder}"
    require(held.holder == ask.participant, owner)
    require(facts.instrument.kind == "guest", f"ask {order} came in for a contract that is for no guest")
    require(held.instrument == ask.instrument, f"ask {order} came in for a contract of {held.instrument}")
    sound = held.state in _SOUND and not held.failing and not held.shared
    require(sound, f"ask {order} came in for a contract that was {held.state}, failing or shared")
    offered = (ask.node, ask.slices, ask.available_until, ask.deliverer)
    whole = (held.node, held.slices, held.end_minute, held.deliverer)
    require(offered == whole, f"ask {order} offers {offered}, its contract has {whole}")
    require(ask.available_from >= held.start_minute, f"ask {order} begins before its contract")
    long_enough = ask.available_until - ask.available_from >= facts.instrument.min_minutes == ask.min_minutes
    require(long_enough, f"ask {order} came in for less than the shortest contract")
    stamped = (ask.slice_vcpus, ask.slice_memory_mib, ask.slice_disk_gib)
    require(stamped == (0, 0, 0), f"ask {order} takes {stamped} of a node")
