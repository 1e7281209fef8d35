"""What must hold whatever happens: random histories with small windows and few participants, so that orders collide."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from common.minutes import Window
from common.wire import Capacity
from matching.commands import Cancel, Command, EnterAsk, EnterBid, Tick
from matching.events import Done, Entered, Event, Trade
from matching.shard import Shard
from tests.matching.factories import ask, bid
from tests.matching.slow_rule import SlowMarket, compatible_start

REACH = 30
"""No window of a history reaches further ahead than so many minutes."""
NODES = ("n1", "n2")


@st.composite
def histories(draw: st.DrawFn) -> list[Command]:
    """Commands with rising minutes; orders are o0, o1 and so on."""
    commands: list[Command] = []
    minute = 0
    for index in range(draw(st.integers(4, 30))):
        minute += draw(st.sampled_from((0, 0, 0, 0, 1, 5)))
        kind = draw(st.sampled_from("bbbbaaaact"))
        if kind == "t":
            commands.append(Tick(minute))
        elif kind == "c":
            commands.append(Cancel(minute, f"o{draw(st.integers(0, index))}", "requested"))
        else:
            entries: st.SearchStrategy[Command] = bids(index, minute) if kind == "b" else asks(index, minute)
            commands.append(draw(entries))
    return commands


def bids(index: int, minute: int) -> st.SearchStrategy[EnterBid]:
    return st.builds(
        lambda start, slack, **given: bid(
            f"o{index}", minute=minute, start_from=minute + start, start_by=minute + start + slack, **given
        ),
        start=st.integers(0, 5),
        slack=st.integers(-1, 10),
        price=st.integers(3, 6),
        participant=st.sampled_from(("p1", "p2", "p3")),
        instrument=st.sampled_from(("z.std.firm", "z.std.firm", "z.mem.firm")),
        guests=st.integers(1, 4),
        slices=st.integers(1, 3),
        duration=st.integers(1, 6),
        tif=st.sampled_from(("gtc", "gtc", "gtc", "gtc", "gtc", "ioc")),
    )


def asks(index: int, minute: int) -> st.SearchStrategy[EnterAsk]:
    return st.builds(
        lambda start, length, **given: ask(
            f"o{index}", minute=minute, start=minute + start, until=minute + start + length, **given
        ),
        start=st.integers(-2, 4),
        length=st.integers(2, 18),
        price=st.integers(2, 5),
        participant=st.sampled_from(("p2", "p3", "p4")),
        instrument=st.sampled_from(("z.std.firm", "z.std.firm", "z.mem.firm")),
        node=st.sampled_from(NODES),
        slices=st.integers(1, 6),
        min_minutes=st.integers(1, 4),
        tif=st.sampled_from(("gtc", "gtc", "gtc", "gtc", "gtc", "ioc")),
        vector=st.sampled_from(((1, 2, 3), (2, 0, 1))),
    )


def orders_of(history: list[Command]) -> dict[str, EnterBid | EnterAsk]:
    return {command.order: command for command in history if isinstance(command, EnterBid | EnterAsk)}


def run(history: list[Command]) -> tuple[Shard, list[Event]]:
    shard = Shard("z")
    return shard, [event for command in history for event in shard.apply(command)]


@given(histories())
def test_the_book_does_what_the_slow_reading_of_the_rule_does(history: list[Command]) -> None:
    shard, slow = Shard("z"), SlowMarket()
    for command in history:
        assert shard.apply(command) == slow.apply(command)
        left = {record.entry.order: record for record in slow.open}
        for order in orders_of(history):
            view, record = shard.open_order(order), left.get(order)
            assert (view is None) == (record is None)
            if view is not None and record is not None:
                entry = record.entry
                asked = (
                    record.guests * entry.slices_per_guest * entry.duration_minutes
                    if isinstance(entry, EnterBid)
                    else 0
                )
                assert view.slice_minutes_left == asked + sum(record.slices.values())


@given(histories())
def test_no_compatible_pair_of_crossing_prices_is_left(history: list[Command]) -> None:
    shard, slow = Shard("z"), SlowMarket()
    for command in history:
        shard.apply(command)
        slow.apply(command)
        resting = [record for record in slow.open if shard.open_order(record.entry.order)]
        for buying in resting:
            for selling in resting:
                if (
                    isinstance(buying.entry, EnterBid)
                    and isinstance(selling.entry, EnterAsk)
                    and buying.entry.instrument == selling.entry.instrument
                ):
                    assert compatible_start(buying, selling, command.minute) is None


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
def test_every_order_is_done_exactly_once_or_open(history: list[Command]) -> None:
    shard, events = run(history)
    done = Counter(event.order for event in events if isinstance(event, Done))
    entered = Counter(event.order for event in events if isinstance(event, Entered))
    rejected = {event.order for event in events if isinstance(event, Done) and event.state == "rejected"}
    for order in orders_of(history):
        assert done[order] + (shard.open_order(order) is not None) == 1
        assert entered[order] == (order not in rejected)


@given(histories())
def test_the_load_of_a_node_is_its_open_asks_and_what_they_sold(history: list[Command]) -> None:
    shard, slow = Shard("z"), SlowMarket()
    orders = orders_of(history)
    sold: Counter[tuple[str, int]] = Counter()
    for command in history:
        slow.apply(command)
        for trade in (event for event in shard.apply(command) if isinstance(event, Trade)):
            for minute in range(trade.start, trade.end):
                sold[trade.ask, minute] += trade.guests * trade.slices_per_guest
    for node in NODES:
        for minute in range(shard.minute, shard.minute + REACH):
            vcpus = memory_mib = disk_gib = 0
            left = {record.entry.order: record.slices.get(minute, 0) for record in slow.open}
            for offer in orders.values():
                if isinstance(offer, EnterAsk) and offer.node == node:
                    slices = left.get(offer.order, 0) + sold[offer.order, minute]
                    vcpus += slices * offer.slice_vcpus
                    memory_mib += slices * offer.slice_memory_mib
                    disk_gib += slices * offer.slice_disk_gib
            assert shard.peak(node, Window(minute, minute + 1)) == Capacity(vcpus, memory_mib, disk_gib)
