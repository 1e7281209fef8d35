from __future__ import annotations

import pytest

from common.errors import Conflict
from common.minutes import Window
from common.wire import Capacity
from matching.commands import Command, Tick
from matching.events import Done, DoneState, Event
from matching.shard import Shard
from matching.views import OpenAsk, OpenBid
from tests.matching.factories import NOW, SOON, ask, bid, cancel

ALL_TIME = Window(0, 10_000)


def shard_after(*commands: Command) -> Shard:
    shard = Shard("z")
    for command in commands:
        shard.apply(command)
    return shard


def done(order: str, state: DoneState, reason: str) -> list[Event]:
    return [Done(order, state, reason)]


def test_a_bid_expires_when_its_last_start_cannot_be_the_next_minute() -> None:
    shard = shard_after(bid("b", start_by=SOON + 10))
    assert shard.next_expiry() == SOON + 10
    assert shard.apply(Tick(SOON + 9)) == []
    assert shard.apply(Tick(SOON + 10)) == done("b", "expired", "window_passed")
    assert shard.next_expiry() is None


def test_an_ask_expires_when_no_stretch_of_its_shortest_contract_is_left() -> None:
    shard = shard_after(ask("a", start=SOON, until=SOON + 60, min_minutes=20))
    assert shard.next_expiry() == SOON + 40
    assert shard.apply(Tick(SOON + 39)) == []
    assert shard.apply(Tick(SOON + 40)) == done("a", "expired", "window_passed")


def test_a_trade_brings_the_expiry_of_an_ask_forward() -> None:
    shard = shard_after(
        ask("a", until=SOON + 60, min_minutes=20), bid("b", start_from=SOON + 35, start_by=SOON + 35, duration=20)
    )
    assert shard.next_expiry() == SOON + 15


def test_an_ask_in_scraps_expires_before_the_next_command_of_the_same_minute() -> None:
    shard = shard_after(
        ask("a", until=SOON + 60, min_minutes=30), bid("b", start_from=SOON + 15, start_by=SOON + 15, duration=30)
    )
    assert shard.open_order("a") is not None
    assert shard.next_expiry() == NOW
    assert shard.apply(cancel("a")) == done("a", "expired", "window_passed")


def test_orders_expire_in_the_order_of_entry_before_the_command() -> None:
    shard = shard_after(
        bid("late", start_by=SOON + 20), ask("a", 200, until=SOON + 10), bid("early", start_by=SOON + 5)
    )
    events = shard.apply(bid("next", minute=SOON + 30, start_from=SOON + 40, start_by=SOON + 40))
    assert [event.order for event in events if isinstance(event, Done)] == ["late", "a", "early"]


def test_an_expired_order_does_not_trade() -> None:
    shard = shard_after(ask("a", until=SOON + 60, min_minutes=20))
    events = shard.apply(bid("b", minute=SOON + 40, start_from=SOON + 41, start_by=SOON + 41, duration=19))
    assert events == done("a", "expired", "window_passed")


@pytest.mark.parametrize(
    "entry",
    [
        bid("x", start_from=NOW - 5, start_by=NOW),
        bid("x", start_from=SOON + 2, start_by=SOON + 1),
        ask("x", start=NOW - 5, until=SOON),
        ask("x", start=SOON, until=SOON),
        ask("x", start=SOON, until=SOON - 5),
        ask("x", start=SOON, until=SOON + 59, min_minutes=60),
        ask("x", start=NOW - 60, until=SOON + 59, min_minutes=60),
    ],
)
def test_an_order_whose_window_cannot_be_served_is_rejected(entry: Command) -> None:
    shard = shard_after()
    assert shard.apply(entry) == done("x", "rejected", "window_unservable")
    assert shard.open_order("x") is None
    assert shard.next_expiry() is None
    assert shard.peak("node", ALL_TIME) == Capacity(0, 0, 0)


@pytest.mark.parametrize(
    "entry", [bid("x", start_from=NOW - 5, start_by=SOON), ask("x", start=NOW - 5, until=SOON + 60, min_minutes=60)]
)
def test_an_order_that_can_just_be_served_enters(entry: Command) -> None:
    assert shard_after().apply(entry) == []


def test_an_id_that_is_open_is_refused() -> None:
    shard = shard_after(ask("open"))
    before = shard.state_hash()
    with pytest.raises(Conflict) as caught:
        shard.apply(bid("open", minute=NOW + 50, start_from=NOW + 90, start_by=NOW + 90))
    assert caught.value.code == "duplicate_order"
    assert shard.state_hash() == before
    assert shard.minute == NOW


def test_time_does_not_go_back() -> None:
    shard = shard_after(Tick(NOW))
    with pytest.raises(AssertionError, match="comes after"):
        shard.apply(Tick(NOW - 1))


def test_an_order_for_another_zone_is_a_programming_error() -> None:
    with pytest.raises(AssertionError, match="not traded"):
        shard_after(bid("b", instrument="y.std.firm"))


def test_a_shard_without_a_zone_takes_all_instruments() -> None:
    shard = Shard()
    assert shard.apply(bid("b", instrument="y.std.firm")) == []
    assert shard.apply(ask("a", instrument="whatever")) == []


def test_a_command_that_raises_half_way_has_no_effect() -> None:
    shard = shard_after(ask("expires", 500, until=SOON + 10), ask("a", 90))
    before = shard.state_hash()
    malformed = bid("b", minute=SOON + 20, start_by=None)  # type: ignore[arg-type] # noticed after time has passed
    with pytest.raises(TypeError):
        shard.apply(malformed)
    assert (shard.state_hash(), shard.minute) == (before, NOW)
    assert shard.apply(bid("b"))[-1] == Done("b", "filled", "fully_filled")


def test_the_view_of_a_bid_counts_what_it_still_asks_for() -> None:
    shard = shard_after(bid("b", guests=3, slices=2), ask("a", slices=2))
    assert shard.open_order("b") == OpenBid("b", "buyer", "z.std.firm", 100, 2, 2, 60)
    view = shard.open_order("b")
    assert view is not None
    assert view.slice_minutes_left == 2 * 2 * 60


def test_the_view_of_an_ask_counts_its_whole_remaining_profile() -> None:
    shard = shard_after(ask("a", slices=2, start=NOW - 10, until=SOON + 60), bid("b"), Tick(NOW + 20))
    view = shard.open_order("a")
    assert isinstance(view, OpenAsk)
    assert view.slice_minutes_left == 2 * 71 - 60
    assert view.slice_minutes_from(SOON) == 60
    shard.apply(bid("c", minute=NOW + 20, start_from=NOW + 21, start_by=NOW + 21, duration=10))
    assert view.slice_minutes_left == 2 * 71 - 60, "a view does not change"


def test_depth_shows_each_price_with_what_can_still_trade() -> None:
    shard = shard_after(
        ask("a1", 110, slices=3, start=NOW - 5),
        ask("a2", 105),
        ask("a3", 110, slices=2),
        bid("b1", 90, guests=2, slices=3),
    )
    depth = shard.depth("z.std.firm")
    assert [(level.price_micros, level.slices, level.orders) for level in depth.asks] == [(105, 1, 1), (110, 5, 2)]
    assert [(level.price_micros, level.slices, level.orders) for level in depth.bids] == [(90, 6, 1)]
    assert shard.depth("z.mem.firm").bids == ()


def test_what_is_taken_back_never_happened() -> None:
    shard = shard_after(ask("a1", 90, slices=2), ask("a2", 90), bid("resting", 80, guests=3, start_by=SOON + 5))
    before, depth = shard.state_hash(), shard.depth("z.std.firm")
    mark = shard.mark()
    commands: list[Command] = [
        bid("b1", guests=2),
        bid("b2", guests=2),
        cancel("b2"),
        ask("hits", 80),
        Tick(SOON + 50),
        ask("a3", minute=SOON + 50, start=SOON + 51, until=SOON + 99),
    ]
    first = [shard.apply(command) for command in commands]
    assert shard.state_hash() != before
    shard.take_back(mark)
    assert (shard.state_hash(), shard.depth("z.std.firm"), shard.minute) == (before, depth, NOW)
    assert [shard.apply(command) for command in commands] == first


def test_a_batch_can_be_taken_back_in_part() -> None:
    shard = shard_after(ask("a", slices=2))
    shard.apply(bid("b1"))
    between, mark = shard.state_hash(), shard.mark()
    shard.apply(bid("b2"))
    shard.take_back(mark)
    assert shard.state_hash() == between


def test_what_is_final_cannot_be_taken_back() -> None:
    shard = shard_after()
    mark = shard.mark()
    shard.apply(ask("a"))
    shard.forget()
    with pytest.raises(AssertionError, match="forgotten"):
        shard.take_back(mark)
