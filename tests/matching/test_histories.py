"""What must hold whatever happens: random histories with small windows and few prices, so that orders collide."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from common.minutes import Window
from common.wire import Capacity
from matching.auditor.holding import AskHolding
from matching.auditor.supply import at
from matching.auditor.twin import Twin
from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free, Tick
from matching.events import Amended, Cut, Done, Event, Trade
from matching.shard import Shard
from tests.matching.histories import NODES, REACH, entries_of, histories


def orders_of(history: list[Command]) -> dict[str, EnterBid | EnterAsk]:
    return {entry.order: entry for command in history for entry in entries_of(command)}


def run(history: list[Command]) -> tuple[Shard, list[Event]]:
    shard = Shard("z")
    return shard, [event for command in history for event in shard.apply(command)]


@given(histories())
def test_the_book_does_what_the_slow_reading_of_the_rule_does(history: list[Command]) -> None:
    shard, twin = Shard("z"), Twin()
    for command in history:
        assert shard.apply(command) == twin.apply(command)
        left = {holding.entry.order: holding for holding in twin.open}
        for order in orders_of(history):
            view, holding = shard.open_order(order), left.get(order)
            assert (view is None) == (holding is None)
            if view is not None and holding is not None:
                assert view.slice_minutes_left == holding.slice_minutes_left


@given(histories())
def test_no_compatible_pair_of_crossing_prices_is_left(history: list[Command]) -> None:
    shard, twin = Shard("z"), Twin()
    for command in history:
        shard.apply(command)
        twin.apply(command)
        assert {holding.entry.order for holding in twin.open} == {
            order for order in orders_of(history) if shard.open_order(order)
        }
        assert twin.compatible_pairs() == []


@given(histories())
def test_only_an_entry_or_re_entry_makes_trades(history: list[Command]) -> None:
    shard = Shard("z")
    for command in history:
        events = shard.apply(command)
        trades = [event for event in events if isinstance(event, Trade)]
        if isinstance(command, Cancel | Tick | Free) or (isinstance(command, Amend) and command.price_micros is None):
            assert not trades
        else:
            of_command = (
                {command.order} if isinstance(command, Amend) else {entry.order for entry in entries_of(command)}
            )
            assert all({trade.bid, trade.ask} & of_command for trade in trades)
        if isinstance(command, Amend) and Amended(command.order) not in events:
            assert not trades, "a refused amendment changes nothing"


@given(histories(), st.integers(0, 20), st.integers(0, 20))
def test_applying_and_taking_back_restores_the_state(history: list[Command], first: int, second: int) -> None:
    shard, untouched = Shard("z"), Shard("z")
    before, after = history[:first], history[first:]
    for command in before:
        shard.apply(command)
        untouched.apply(command)
    start, mark = shard.state_hash(), shard.mark()
    for command in after:
        shard.apply(command)
    shard.take_back(mark)
    assert shard.state_hash() == start
    for command in after[:second]:
        shard.apply(command)
    shard.take_back(mark)
    assert (shard.state_hash(), shard.next_expiry()) == (start, untouched.next_expiry())
    for command in after:
        assert shard.apply(command) == untouched.apply(command)
    assert shard.state_hash() == untouched.state_hash()


@given(histories())
def test_the_same_commands_give_the_same_events_and_state(history: list[Command]) -> None:
    (one, events), (other, same) = run(history), run(history)
    assert events == same
    assert one.state_hash() == other.state_hash()


@given(histories())
def test_slices_are_conserved_at_every_minute(history: list[Command]) -> None:
    _, events = run(history)
    orders = orders_of(history)
    sold: Counter[tuple[str, int]] = Counter()
    guests: Counter[str] = Counter()
    for trade in (event for event in events if isinstance(event, Trade)):
        guests[trade.bid] += trade.guests
        for minute in range(trade.start, trade.end):
            sold[trade.ask, minute] += trade.guests * trade.slices_per_guest
    for (order, minute), slices in sold.items():
        offer = orders[order]
        assert isinstance(offer, EnterAsk)
        assert offer.available_from <= minute < offer.available_until
        assert slices <= offer.slices
    for order, number in guests.items():
        wanted = orders[order]
        assert isinstance(wanted, EnterBid)
        assert number <= wanted.guests


@given(histories())
def test_of_an_exclusive_group_one_bid_trades_and_ends_the_others(history: list[Command]) -> None:
    shard = Shard("z")
    groups = [command for command in history if isinstance(command, EnterGroup)]
    traded: set[str] = set()
    for command in history:
        events = shard.apply(command)
        traded |= {event.bid for event in events if isinstance(event, Trade)}
        ended = {event.order for event in events if isinstance(event, Done) and event.reason == "exclusive_group"}
        for group in groups:
            names = {entry.order for entry in group.bids}
            assert len(traded & names) <= 1
            if traded & names:
                assert not any(shard.open_order(name) for name in names - traded)
            assert not ended & names or (traded & names and not ended & traded)


@given(histories())
def test_a_linked_ask_is_cut_only_by_a_sale_of_its_node_and_never_grows(history: list[Command]) -> None:
    shard = Shard("z")
    linked = {command.ask.order: command.ask.node for command in history if isinstance(command, EnterLinkedAsk)}
    for command in history:
        before = {order: view.slice_minutes_left for order in linked if (view := shard.open_order(order))}
        events = shard.apply(command)
        sellers = {trade.ask for trade in events if isinstance(trade, Trade)}
        for cut in (event for event in events if isinstance(event, Cut)):
            assert cut.slice_minutes > 0
            assert any(linked[other] == linked[cut.order] for other in sellers & linked.keys() - {cut.order})
        for order, left in before.items():
            cuts = sum(event.slice_minutes for event in events if isinstance(event, Cut) and event.order == order)
            view = shard.open_order(order)
            assert view is None or view.slice_minutes_left <= left - cuts


@given(histories())
def test_every_order_is_done_exactly_once_or_open(history: list[Command]) -> None:
    shard, events = run(history)
    done = Counter(event.order for event in events if isinstance(event, Done))
    rejected = {event.order for event in events if isinstance(event, Done) and event.state == "rejected"}
    traded = {order for event in events if isinstance(event, Trade) for order in (event.bid, event.ask)}
    assert not rejected & traded
    for order in orders_of(history):
        assert done[order] + (shard.open_order(order) is not None) == 1


@given(histories())
def test_the_load_of_a_node_is_its_open_asks_and_what_they_sold(history: list[Command]) -> None:
    shard, twin = Shard("z"), Twin()
    orders = orders_of(history)
    sold: Counter[tuple[str, int]] = Counter()
    linked = {command.ask.order for command in history if isinstance(command, EnterLinkedAsk)}
    for command in history:
        twin.apply(command)
        for trade in (event for event in shard.apply(command) if isinstance(event, Trade)):
            for minute in range(trade.start, trade.end):
                sold[trade.ask, minute] += trade.guests * trade.slices_per_guest
    for node in NODES:
        for minute in range(shard.minute, shard.minute + REACH):
            vcpus = memory_mib = disk_gib = 0
            most = [0, 0, 0]
            left = {
                holding.entry.order: at(holding.supply, minute)
                for holding in twin.open
                if isinstance(holding, AskHolding)
            }
            for offer in orders.values():
                if isinstance(offer, EnterAsk) and offer.node == node:
                    slices = sold[offer.order, minute]
                    offered = left.get(offer.order, 0)
                    if offer.order in linked:
                        each = (offer.slice_vcpus, offer.slice_memory_mib, offer.slice_disk_gib)
                        most = [max(before, offered * one) for before, one in zip(most, each, strict=True)]
                    else:
                        slices += offered
                    vcpus += slices * offer.slice_vcpus
                    memory_mib += slices * offer.slice_memory_mib
                    disk_gib += slices * offer.slice_disk_gib
            without = Capacity(vcpus, memory_mib, disk_gib)
            assert shard.peak(node, Window(minute, minute + 1), linked=False) == without
            with_most = Capacity(vcpus + most[0], memory_mib + most[1], disk_gib + most[2])
            assert shard.peak(node, Window(minute, minute + 1)) == with_most
