"""The engine's memory of one shard: the books, and what stands behind every open order. Pure: no I/O, no clock.

Live batches and recovery run the same three methods; only what happens to the effects differs. Every change can be
taken back, like the books' own.
"""

from __future__ import annotations

import dataclasses

from common.minutes import Window
from common.wire import Capacity
from market.engine.admission import check_ask, check_bid
from market.engine.commands import CancelOrder, PlaceAsk, PlaceBid, Placement
from market.engine.contracting import new_contract
from market.engine.effects import Effects
from market.engine.facts import PlacementFacts
from market.engine.records import AskRecord, BidRecord, OrderRecord, Stamp
from market.engine.windows import AskWindow, ask_window, bid_window
from matching.commands import Cancel, EnterAsk, EnterBid, Tick
from matching.events import Done, Event, Trade
from matching.shard import Shard
from runtime.feed import FeedEvent


class EngineState:
    """Books and open orders of a shard."""

    def __init__(self, zone: str) -> None:
        self.shard = Shard(zone)
        self.open: dict[str, OrderRecord] = {}
        self._undo: list[tuple[str, OrderRecord | None]] = []

    def mark(self) -> tuple[int, int]:
        """A point to which `take_back` can return."""
        return self.shard.mark(), len(self._undo)

    def take_back(self, mark: tuple[int, int]) -> None:
        """Undo everything since the mark."""
        shard_mark, length = mark
        self.shard.take_back(shard_mark)
        while len(self._undo) > length:
            order, record = self._undo.pop()
            if record is None:
                self.open.pop(order, None)
            else:
                self.open[order] = record

    def forget(self) -> None:
        """Everything since the first mark is final."""
        self.shard.forget()
        self._undo.clear()

    def place(
        self, stamp: Stamp, placement: Placement, facts: PlacementFacts, effects: Effects
    ) -> tuple[EnterBid | EnterAsk, OrderRecord]:
        """Admit and match an order: the auction's command, and the order as it stands after it.

        Raises the error of the first admission rule that it breaks; nothing has changed then.
        """
        record = (
            self._admit_bid(stamp, placement, facts)
            if isinstance(placement, PlaceBid)
            else self._admit_ask(stamp, placement, facts)
        )
        command = _enter_bid(record) if isinstance(record, BidRecord) else _enter_ask(record)
        events = self.shard.apply(command)
        self._remember(record.id, record)
        effects.order_entered(record)
        effects.reserve(record.participant, record.reserved_micros)
        self._follow(stamp, events, effects)
        if self.open.get(record.id) is record:
            effects.order_event(record, stamp.at_micros)
        return command, effects.entered[record.id]

    def cancel(self, stamp: Stamp, cancel: CancelOrder, effects: Effects) -> tuple[Cancel, OrderRecord]:
        """Take the open order off the book. The caller has seen that it is open."""
        record = self.open[cancel.order]
        command = Cancel(minute=stamp.minute, order=cancel.order, reason=cancel.reason)
        self._follow(stamp, self.shard.apply(command), effects)
        return command, effects.changed[record.id]

    def expire(self, stamp: Stamp, effects: Effects) -> Tick:
        """Let the minute pass for all orders."""
        command = Tick(minute=stamp.minute)
        self._follow(stamp, self.shard.apply(command), effects)
        return command

    def _admit_bid(self, stamp: Stamp, bid: PlaceBid, facts: PlacementFacts) -> BidRecord:
        window = bid_window(bid, stamp.minute)
        record = BidRecord(bid, window, facts, stamp, stamp.at_micros, "new", None, 0)
        reserve = record.reserve_micros(bid.guests)
        check_bid(bid, window, facts, stamp.minute, reserve)
        return dataclasses.replace(record, reserved_micros=reserve)

    def _admit_ask(self, stamp: Stamp, ask: PlaceAsk, facts: PlacementFacts) -> AskRecord:
        window = ask_window(ask, stamp.minute)
        record = AskRecord(ask, window, facts, stamp, stamp.at_micros, "new", None, 0)
        reserve = record.bond_micros(max(0, record.slice_minutes_left))
        check_ask(ask, window, facts, stamp.minute, reserve, self._committed(ask.node, window))
        return dataclasses.replace(record, reserved_micros=reserve)

    def _committed(self, node: str, window: AskWindow) -> Capacity:
        if window.available_until <= window.available_from:
            return Capacity(0, 0, 0)  # admission refuses the empty window by its own name
        return self.shard.peak(node, Window(window.available_from, window.available_until))

    def _follow(self, stamp: Stamp, events: list[Event], effects: Effects) -> None:
        ordinal = 0
        for event in events:
            if isinstance(event, Trade):
                self._traded(stamp, ordinal, event, effects)
                ordinal += 1
            elif isinstance(event, Done):
                self._done(stamp, event, effects)
        for order in sorted(
            {order for event in events if isinstance(event, Trade) for order in (event.bid, event.ask)}
        ):
            if order in self.open:
                effects.order_event(self.open[order], stamp.at_micros)

    def _traded(self, stamp: Stamp, ordinal: int, trade: Trade, effects: Effects) -> None:
        bid, ask = self.open[trade.bid], self.open[trade.ask]
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
            effects.reserve(before.participant, after.reserved_micros - before.reserved_micros)
            effects.order_changed(after)
            self._remember(after.id, after)

    def _done(self, stamp: Stamp, done: Done, effects: Effects) -> None:
        before = self.open[done.order]
        after = dataclasses.replace(
            before, state=done.state, reason=done.reason, reserved_micros=0, updated_at_micros=stamp.at_micros
        )
        effects.reserve(before.participant, -before.reserved_micros)
        effects.order_changed(after)
        effects.order_event(after, stamp.at_micros)
        self._undo.append((done.order, before))
        del self.open[done.order]

    def _remember(self, order: str, record: OrderRecord) -> None:
        self._undo.append((order, self.open.get(order)))
        self.open[order] = record


def _enter_bid(record: BidRecord) -> EnterBid:
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
    )


def _enter_ask(record: AskRecord) -> EnterAsk:
    ask, vector = record.ask, record.facts.instrument.slice
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
    )


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
