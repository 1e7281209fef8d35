"""What the auction's events do to the open orders: the engine's memory and the effects of a command follow them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from market.engine.contracting import new_contract
from market.engine.effects import Effects
from market.engine.groups import share_again
from market.engine.open_orders import OpenOrders
from market.engine.records import AskRecord, BidRecord, OrderRecord, Stamp
from matching.events import Cut, Done, Event, Trade
from runtime.feed import FeedEvent

LINKED = "linked"
"""The reason of the feed's event about an ask that was cut; in `matching.events`, of the end of one."""


def follow(
    open_orders: OpenOrders,
    stamp: Stamp,
    events: Sequence[Event],
    effects: Effects,
    named: Sequence[OrderRecord] = (),
) -> None:
    """Trades, contracts and ends, in their order; then how those stand that have traded and are open, and those that
    the command `named`, if nothing has happened to them; then what exclusive groups reserve."""
    ordinal = 0
    for event in events:
        if isinstance(event, Trade):
            _traded(open_orders, stamp, ordinal, event, effects)
            ordinal += 1
        elif isinstance(event, Cut):
            _cut(open_orders, stamp, event, effects)
        elif isinstance(event, Done):
            _done(open_orders, stamp, event, effects)
    for order in sorted({order for event in events if isinstance(event, Trade) for order in (event.bid, event.ask)}):
        if order in open_orders:
            effects.order_event(open_orders[order], stamp.at_micros)
    for record in named:
        if open_orders.get(record.id) is record:
            effects.order_event(record, stamp.at_micros)
    share_again(open_orders, effects)


def _traded(open_orders: OpenOrders, stamp: Stamp, ordinal: int, trade: Trade, effects: Effects) -> None:
    bid, ask = open_orders[trade.bid], open_orders[trade.ask]
    assert isinstance(bid, BidRecord)
    assert isinstance(ask, AskRecord)
    effects.trades.append((stamp, ordinal, trade, bid.bid.instrument))
    effects.events.append(
        FeedEvent("trade", f"{stamp.sequence}.{ordinal}", _trade_payload(bid, trade), stamp.at_micros)
    )
    for guest in range(trade.guests):
        contract = new_contract(stamp, ordinal, guest, trade, bid, ask)
        effects.contracts.append(contract)
        payload = {"buyer": bid.participant, "provider": ask.participant, "state": "scheduled"}
        effects.events.append(FeedEvent("contract", contract.billed.contract_id, payload, stamp.at_micros))
    for before in (bid, ask):
        after = dataclasses.replace(before.after_trade(trade), updated_at_micros=stamp.at_micros)
        _change(open_orders, before, after, effects)


def _cut(open_orders: OpenOrders, stamp: Stamp, cut: Cut, effects: Effects) -> None:
    before = open_orders[cut.order]
    assert isinstance(before, AskRecord)
    after = dataclasses.replace(before.after_cut(cut), updated_at_micros=stamp.at_micros)
    _change(open_orders, before, after, effects)
    effects.order_event(after, stamp.at_micros, LINKED)


def _done(open_orders: OpenOrders, stamp: Stamp, done: Done, effects: Effects) -> None:
    before = open_orders[done.order]
    after = dataclasses.replace(
        before, state=done.state, reason=done.reason, reserved_micros=0, updated_at_micros=stamp.at_micros
    )
    if isinstance(after, AskRecord):
        after = dataclasses.replace(after, remaining=())
    effects.reserve(before.participant, -before.reserved_micros)
    effects.order_changed(after)
    effects.order_event(after, stamp.at_micros)
    effects.touched(before)
    open_orders.remove(before)


def _change(open_orders: OpenOrders, before: OrderRecord, after: OrderRecord, effects: Effects) -> None:
    effects.reserve(before.participant, after.reserved_micros - before.reserved_micros)
    effects.order_changed(after)
    effects.touched(after)
    open_orders.put(after)


def _trade_payload(bid: BidRecord, trade: Trade) -> dict[str, object]:
    return {
        "instrument": bid.bid.instrument,
        "bid": trade.bid,
        "ask": trade.ask,
        "price_micros": trade.price_micros,
        "start_minute": trade.start,
        "end_minute": trade.end,
        "guests": trade.guests,
        "slices_per_guest": trade.slices_per_guest,
        "taker_side": trade.taker_side,
    }
