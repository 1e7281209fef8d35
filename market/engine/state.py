"""The engine's memory of one shard: the books, and what stands behind every open order. Pure: no I/O, no clock.

Live batches and recovery run the same methods; only what happens to the effects differs. Every change can be
taken back, like the books' own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from common.errors import Conflict
from common.minutes import Window
from common.wire import Capacity
from market.engine import amendment as amending
from market.engine.admission import check_ask, check_bid
from market.engine.commands import (
    AmendOrder,
    CancelOrder,
    Command,
    PlaceAsk,
    PlaceBid,
    PlaceGroup,
    Placement,
    PreviewOrder,
)
from market.engine.digests import content_sha256, group_sha256
from market.engine.effects import Effects
from market.engine.entries import entry_of, group_of
from market.engine.facts import NodeFacts, PlacementFacts
from market.engine.following import follow
from market.engine.groups import at_place, more_reserved, shared_reservation
from market.engine.open_orders import OpenOrders
from market.engine.records import AskRecord, BidRecord, OrderRecord, Stamp
from market.engine.resale import admit_rest
from market.engine.windows import AskWindow, ask_window, bid_window
from matching.commands import Amend, Cancel, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free, Tick
from matching.events import Amended, Done, Event
from matching.shard import Shard
from matching.views import OpenAsk

NO_LOAD = Capacity(0, 0, 0)


class EngineState:
    """Books and open orders of a shard."""

    def __init__(self, zone: str, shard: Shard | None = None, orders: Iterable[OrderRecord] = ()) -> None:
        self.zone = zone
        self.shard = shard or Shard(zone)
        self.open = OpenOrders(orders)

    def mark(self) -> tuple[int, int]:
        """A point to which `take_back` can return."""
        return self.shard.mark(), self.open.mark()

    def take_back(self, mark: tuple[int, int]) -> None:
        """Undo everything since the mark."""
        shard_mark, open_mark = mark
        self.shard.take_back(shard_mark)
        self.open.take_back(open_mark)

    def forget(self) -> None:
        """Everything since the first mark is final."""
        self.shard.forget()
        self.open.forget()

    def needs(self, commands: Sequence[Command]) -> tuple[list[Placement], list[str]]:
        """What the commands need facts for: placements that enter (again), and orders that they name and that are not
        open."""
        entering: list[Placement] = []
        named: list[str] = []
        for command in commands:
            if isinstance(command, PlaceBid | PlaceAsk):
                entering.append(command)
            elif isinstance(command, PlaceGroup):
                entering += command.bids
            elif isinstance(command, PreviewOrder):
                placed = command.placement
                entering += placed.bids if isinstance(placed, PlaceGroup) else (placed,)
            elif isinstance(command, AmendOrder | CancelOrder):
                record = self.open.get(command.order)
                if record is None:
                    named.append(command.order)
                elif isinstance(command, AmendOrder):
                    entering.append(record.placement)
        return entering, named

    def place(
        self, stamp: Stamp, placement: Placement, facts: PlacementFacts, effects: Effects
    ) -> tuple[EnterBid | EnterAsk | EnterLinkedAsk, OrderRecord]:
        """Admit and match an order: the auction's command, and the order as it stands after it.

        Raises the error of the first admission rule that it breaks; nothing has changed then.
        """
        record = (
            self._admit_bid(stamp, placement, facts)
            if isinstance(placement, PlaceBid)
            else self._admit_ask(stamp, placement, facts)
        )
        command = entry_of(record, facts)
        events = self.shard.apply(command)
        self.open.put(record)
        effects.order_entered(record)
        effects.touched(record)
        effects.reserve(record.participant, record.reserved_micros)
        self._follow(stamp, events, effects, [record])
        return command, effects.newest(record.id)

    def place_group(
        self, stamp: Stamp, group: PlaceGroup, facts: Sequence[PlacementFacts], effects: Effects
    ) -> tuple[EnterGroup, list[OrderRecord]]:
        """Admit all bids of an exclusive group, or none, and match them: the auction's command, and the orders as they
        stand after it.

        Raises the error of the first admission rule that one of them breaks, with its place in front of the field.
        """
        names = tuple(bid.order for bid in group.bids)
        records = []
        for place, (bid, used) in enumerate(zip(group.bids, facts, strict=True)):
            with at_place(place):
                records.append(self._admit_bid(stamp, bid, used))
        records = [
            dataclasses.replace(record, content=content, group=names)
            for record, content in zip(shared_reservation(records), group_sha256(group), strict=True)
        ]
        command = group_of(records, facts)
        events = self.shard.apply(command)
        for record in records:
            self.open.put(record)
            effects.order_entered(record)
            effects.reserve(record.participant, record.reserved_micros)
        self._follow(stamp, events, effects, records)
        return command, [effects.newest(name) for name in names]

    def amend(
        self, stamp: Stamp, amendment: AmendOrder, facts: PlacementFacts | None, effects: Effects
    ) -> tuple[Amend, OrderRecord]:
        """Change the open order; with a price, it enters again on these facts, which may make it trade.

        Raises the error of the first rule that it breaks; what has changed until then is for the caller to take back.
        """
        before = self.open[amendment.order]
        command = amending.on_book(amendment, stamp.minute, facts)
        amending.check_revision(amendment, before)
        if command.price_micros is None or facts is None:
            amending.check_size(amendment, before)
            events = self.shard.apply(command)
            after = amending.with_size(before, amendment, self._slice_minutes_left(before.id), stamp)
        else:
            after = amending.with_price(before, command.price_micros, facts, stamp)
            more = more_reserved(self.open, before, after)
            amending.check_entry_again(after, facts, stamp.minute, more, self._load_around(after, facts))
            events = self.shard.apply(command)
        if Amended(before.id) not in events:
            raise _refused_amendment(before, events)
        self.open.put(after)
        effects.reserve(after.participant, after.reserved_micros - before.reserved_micros)
        effects.order_changed(after)
        effects.touched(after)
        self._follow(stamp, events, effects, [after])
        return command, effects.newest(after.id)

    def cancel(self, stamp: Stamp, cancel: CancelOrder, effects: Effects) -> tuple[Cancel, OrderRecord]:
        """Take the open order off the book. The caller has seen that it is open."""
        record = self.open[cancel.order]
        command = Cancel(minute=stamp.minute, order=cancel.order, reason=cancel.reason)
        self._follow(stamp, self.shard.apply(command), effects)
        return command, effects.newest(record.id)

    def expire(self, stamp: Stamp, effects: Effects) -> Tick:
        """Let the minute pass for all orders."""
        command = Tick(minute=stamp.minute)
        self._follow(stamp, self.shard.apply(command), effects)
        return command

    def free(self, stamp: Stamp, free: Free, effects: Effects) -> None:
        """A contract has ended early: its node has that capacity again, for new asks."""
        self._follow(stamp, self.shard.apply(free), effects)

    def _follow(self, stamp: Stamp, events: list[Event], effects: Effects, named: Sequence[OrderRecord] = ()) -> None:
        follow(self.open, stamp, events, effects, named)
        for order in effects.linked:
            record, view = self.open.get(order), self.shard.open_order(order)
            if isinstance(record, AskRecord) and isinstance(view, OpenAsk):
                noted = dataclasses.replace(record, remaining=view.profile.stretches)
                effects.order_changed(noted)
                self.open.put(noted)
        effects.linked.clear()

    def _admit_bid(self, stamp: Stamp, bid: PlaceBid, facts: PlacementFacts) -> BidRecord:
        window = bid_window(bid, stamp.minute)
        record = BidRecord(bid, content_sha256(bid), window, facts.terms, stamp, stamp.at_micros, "new", None, 0)
        reserve = record.reserve_micros(bid.guests)
        check_bid(bid, window, facts, stamp.minute, reserve)
        return dataclasses.replace(record, reserved_micros=reserve)

    def _admit_ask(self, stamp: Stamp, ask: PlaceAsk, facts: PlacementFacts) -> AskRecord:
        if ask.contract is not None:
            return admit_rest(stamp, ask, facts, self.open)
        window = ask_window(ask, stamp.minute)
        area = ask.slices * max(0, window.available_until - window.available_from)
        content = content_sha256(ask)
        record = AskRecord(ask, content, window, facts.terms, stamp, stamp.at_micros, "new", None, 0, area)
        reserve = record.bond_micros(area)
        committed = self._committed(ask.node, window, facts.node, linked=not ask.linked)
        check_ask(ask, window, facts, stamp.minute, reserve, committed)
        return dataclasses.replace(record, reserved_micros=reserve)

    def _committed(self, node: str, window: AskWindow, facts: NodeFacts | None, *, linked: bool = True) -> Capacity:
        """The node's peak in the window, with or without what its linked asks have left and are to leave alone."""
        if window.available_until <= window.available_from:
            return NO_LOAD  # admission refuses the empty window by its own name
        offered = None if facts is None else (facts.offered.vcpus, facts.offered.memory_mib, facts.offered.disk_gib)
        ahead = Window(window.available_from, window.available_until)
        return self.shard.peak(node, ahead, linked=linked, offered=offered)

    def _load_around(self, record: OrderRecord, facts: PlacementFacts) -> Capacity:
        if isinstance(record, BidRecord) or record.ask.contract is not None:
            return NO_LOAD
        return self._committed(record.ask.node, record.window, facts.node)

    def _slice_minutes_left(self, order: str) -> int:
        view = self.shard.open_order(order)
        return 0 if view is None else view.slice_minutes_left


def _refused_amendment(record: OrderRecord, events: list[Event]) -> Conflict:
    """Why the auction did not do what the checks before it let through."""
    if any(isinstance(event, Done) and event.order == record.id for event in events):
        return Conflict("state_forbids", "the order has expired", field="state")
    return Conflict("would_trade", "at this price the order would trade at once, and it must not", field="price")
