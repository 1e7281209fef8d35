"""A snapshot of a shard back into a trading floor. What it holds is the canonical form of `matching.state`."""

from __future__ import annotations

from typing import Any

from matching.commands import EnterAsk, EnterBid, EnterLinkedAsk
from matching.floor import Floor
from matching.orders import Bid, LinkedAsk, Order
from matching.profile import Profile
from matching.resale import ask_of


def restore(floor: Floor, snapshot: dict[str, Any]) -> None:
    """Fills a new floor with what the snapshot holds. Raises KeyError or TypeError for what is no snapshot."""
    floor.minute = snapshot["minute"]
    floor.entered = snapshot["entered"]
    for value in snapshot["orders"]:
        floor.place(_bid(value, floor) if value["side"] == "bid" else _ask(value, floor))
    for node, vector, minutes, levels in snapshot["load"]:
        vcpus, memory_mib, disk_gib = vector
        floor.load.commit(node, (vcpus, memory_mib, disk_gib), _profile(minutes, levels), floor.minute)
    floor.undo.forget()


def _bid(value: dict[str, Any], floor: Floor) -> Order:
    entry = EnterBid(
        **_entry(value),
        guests=value["guests"],
        slices_per_guest=value["slices_per_guest"],
        duration_minutes=value["duration_minutes"],
        start_from=value["start_from"],
        start_by=value["start_by"],
        nodes=tuple(value["nodes"]),
        avoid_providers=tuple(value["avoid_providers"]),
        min_reliability_ppm=value["min_reliability_ppm"],
    )
    bid = Bid(entry, floor.book(entry.instrument).bids)
    bid.priority = value["priority"]
    bid.guests_left = value["guests_left"]
    bid.rivals = tuple(value.get("rivals", ()))
    return bid


def _ask(value: dict[str, Any], floor: Floor) -> Order:
    vcpus, memory_mib, disk_gib = value["slice_vector"]
    profile = _profile(value["minutes"], value["levels"])
    entry = EnterAsk(
        **_entry(value),
        node=value["node"],
        slices=value["slices"],
        available_from=profile.minutes[0],
        available_until=profile.minutes[-1],
        min_minutes=value["min_minutes"],
        slice_vcpus=vcpus,
        slice_memory_mib=memory_mib,
        slice_disk_gib=disk_gib,
        reliability_ppm=value["reliability_ppm"],
        contract=value.get("contract"),
        deliverer=value.get("deliverer"),
    )
    side = floor.book(entry.instrument).asks
    offered = value.get("offered")
    linked = None if offered is None else LinkedAsk(EnterLinkedAsk(0, entry, *offered), side)
    ask = linked or ask_of(entry, side)
    ask.priority = value["priority"]
    if entry.contract is None:  # what is left of a contract has not been cut
        ask.set_profile(profile)
    if linked is not None:
        floor.pool.join(linked)
    return ask


def _entry(value: dict[str, Any]) -> dict[str, Any]:
    """What both sides have. Whether an order that rests was `gtd` shows in its `expires_at`; it enters no more."""
    names = ("order", "participant", "instrument", "price_micros", "expires_at", "post_only", "self_trade_prevention")
    return {name: value[name] for name in names} | {
        "minute": 0,
        "time_in_force": "gtc" if value["expires_at"] is None else "gtd",
    }


def _profile(minutes: list[int], levels: list[int]) -> Profile:
    return Profile(tuple(minutes), tuple(levels))
