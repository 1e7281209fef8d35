"""Why an open order does not trade, and what would: variants of it are applied to the books and taken back.

Each variant changes one thing and leaves the rest as it is, so the answer is the nearest in that direction, and true at
the moment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from market.engine.records import AskRecord, BidRecord
from market.engine.state import EngineState
from matching.commands import EnterAsk, EnterBid
from matching.events import Trade
from matching.views import OpenAsk

_HYPOTHETICAL = "explain"
_EVERY_PRICE = 2**62


@dataclass(frozen=True, slots=True)
class Variant:
    """The order with `change` (a field of the order) set to `value` would trade `guests` guests (a bid) or sell
    `slice_minutes` (an ask) at once, at `price_micros` on average, rounded up."""

    change: str
    value: int | None
    guests: int
    slice_minutes: int
    price_micros: int


def explain(state: EngineState, order: str, minute: int) -> list[dict[str, Any]] | None:
    """Variants of the open order, with the fields of Variant; None when it is not open."""
    record = state.open.get(order)
    if record is None:
        return None
    now = max(minute, state.shard.minute)
    variants = _of_bid(state, record, now) if isinstance(record, BidRecord) else _of_ask(state, record, now)
    return [dataclasses.asdict(variant) for variant in variants]


def _of_bid(state: EngineState, record: BidRecord, now: int) -> list[Variant]:
    bid, instrument = record.bid, record.terms.instrument
    entry = EnterBid(
        minute=now,
        order=_HYPOTHETICAL,
        participant=bid.participant,
        instrument=bid.instrument,
        price_micros=bid.price_micros,
        guests=bid.guests - record.guests_filled,
        slices_per_guest=bid.slices_per_guest,
        duration_minutes=bid.duration_minutes,
        start_from=record.window.start_from,
        start_by=record.window.start_by,
        time_in_force="ioc",
        self_trade_prevention="cancel_maker",
        nodes=bid.nodes,
        avoid_providers=bid.avoid_providers,
        min_reliability_ppm=bid.min_reliability_ppm,
    )
    latest = now + instrument.horizon_minutes - bid.duration_minutes
    tries: list[tuple[str, int | None, dict[str, Any]]] = [
        ("conditions", None, {"nodes": (), "avoid_providers": (), "min_reliability_ppm": 0}),
        ("start_by", latest, {"start_by": latest}),
    ]
    found = [_price(state, entry)]
    found += [_variant(state, dataclasses.replace(entry, **changed), change, value) for change, value, changed in tries]
    for field, least in (("duration_minutes", instrument.min_minutes), ("slices_per_guest", 1)):
        found.append(_largest(state, entry, field, least))
    return [variant for variant in found if variant is not None]


def _price(state: EngineState, entry: EnterBid) -> Variant | None:
    """The lowest limit at which as many guests trade as would at any."""
    trades = _trades(state, dataclasses.replace(entry, price_micros=_EVERY_PRICE))
    if not trades:
        return None
    limit = max(trade.price_micros for trade in trades)
    return _variant(state, dataclasses.replace(entry, price_micros=limit), "price", limit)


def _largest(state: EngineState, entry: EnterBid, field: str, least: int) -> Variant | None:
    """The largest smaller value with which a guest fits: what fits in the large fits in the small."""

    def with_value(value: int) -> EnterBid:
        changed: dict[str, Any] = {field: value}
        return dataclasses.replace(entry, **changed)

    low, high = least - 1, int(getattr(entry, field))
    while high - low > 1:
        middle = (low + high) // 2
        if _trades(state, with_value(middle)):
            low = middle
        else:
            high = middle
    return None if low < least else _variant(state, with_value(low), field, low)


def _of_ask(state: EngineState, record: AskRecord, now: int) -> list[Variant]:
    ask, vector, resting = record.ask, record.terms.instrument.slice, state.shard.open_order(record.id)
    entry = EnterAsk(
        minute=now,
        order=_HYPOTHETICAL,
        participant=ask.participant,
        instrument=ask.instrument,
        node=ask.node,
        price_micros=1,
        slices=ask.slices,
        available_from=record.window.available_from,
        available_until=record.window.available_until,
        min_minutes=ask.min_minutes,
        time_in_force="ioc",
        slice_vcpus=vector.vcpus,
        slice_memory_mib=vector.memory_mib,
        slice_disk_gib=vector.disk_gib,
        self_trade_prevention="cancel_maker",
        contract=ask.contract,
        deliverer=resting.deliverer if isinstance(resting, OpenAsk) else None,
    )
    found = []
    trades = _trades(state, entry)
    if trades:
        limit = min(trade.price_micros for trade in trades)
        found.append(_variant(state, dataclasses.replace(entry, price_micros=limit), "price", limit))
    if ask.min_minutes > 1 and ask.contract is None:
        shorter = dataclasses.replace(entry, price_micros=ask.price_micros, min_minutes=1)
        found.append(_variant(state, shorter, "min_minutes", 1))
    return [variant for variant in found if variant is not None]


def _variant(state: EngineState, entry: EnterBid | EnterAsk, change: str, value: int | None) -> Variant | None:
    trades = _trades(state, entry)
    if not trades:
        return None
    areas = [trade.guests * trade.slices_per_guest * (trade.end - trade.start) for trade in trades]
    cost = sum(trade.price_micros * area for trade, area in zip(trades, areas, strict=True))
    return Variant(change, value, sum(trade.guests for trade in trades), sum(areas), -(-cost // sum(areas)))


def _trades(state: EngineState, entry: EnterBid | EnterAsk) -> list[Trade]:
    return _undone(state, lambda: [event for event in state.shard.apply(entry) if isinstance(event, Trade)])


def _undone(state: EngineState, work: Callable[[], list[Trade]]) -> list[Trade]:
    mark = state.mark()
    try:
        return work()
    finally:
        state.take_back(mark)
