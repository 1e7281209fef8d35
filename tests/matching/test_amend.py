"""Stories of amendments, one for each sentence of the rule."""

from __future__ import annotations

import pytest

from common.minutes import Window
from common.wire import Capacity
from matching.commands import Amend, Command, Tick
from matching.events import Amended, Done, Trade
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, amend, ask, bid, cancel
from tests.matching.stories import ends, partners, play, trades


def test_fewer_guests_keep_the_place_in_the_queue() -> None:
    entries: list[Command] = [bid("first", guests=3), bid("second")]
    assert play(*entries, amend("first", guests=1)) == [Amended("first")]
    found = trades(*entries, amend("first", guests=1), ask("a", slices=9))
    assert [(trade.bid, trade.guests) for trade in found] == [("first", 1), ("second", 1)]


def test_guests_are_a_total_that_counts_the_traded_ones() -> None:
    entries: list[Command] = [bid("b", guests=5), ask("a", slices=2)]
    found = trades(*entries, amend("b", guests=4), ask("more", slices=9))
    assert [trade.guests for trade in found] == [2]


def test_a_bid_amended_to_what_it_has_traded_is_filled() -> None:
    entries: list[Command] = [bid("b", guests=5), ask("a", slices=2)]
    assert play(*entries, amend("b", guests=2)) == [Amended("b"), Done("b", "filled", "fully_filled")]


def test_fewer_slices_are_lost_at_every_minute_but_not_below_zero() -> None:
    entries: list[Command] = [
        ask("a", slices=4, until=SOON + 90),
        bid("sold", slices=3, start_from=SOON + 30, start_by=SOON + 30, duration=30),
        amend("a", slices=2),
    ]
    whole = bid("b", slices=2, guests=9, duration=30, start_by=SOON + 60)
    assert [(trade.start, trade.guests) for trade in trades(*entries, whole)] == [(SOON, 1), (SOON + 60, 1)]
    assert ends(*entries, whole)[0] == ("a", "filled", "fully_filled")


def test_fewer_slices_keep_the_place_in_the_queue() -> None:
    entries: list[Command] = [ask("first", slices=3), ask("second"), amend("first", slices=1)]
    assert partners(*entries, bid("b", guests=2)) == ["first", "second"]


def test_slices_are_a_total_also_the_second_time() -> None:
    entries: list[Command] = [ask("a", slices=9), amend("a", slices=5)]
    assert play(*entries, amend("a", slices=5)) == []
    assert trades(*entries, amend("a", slices=4), bid("b", guests=9))[0].guests == 4


def test_an_ask_that_would_expire_of_an_amendment_is_canceled() -> None:
    sold = bid("sold", slices=3, start_from=SOON + 30, start_by=SOON + 30, duration=40)
    entries: list[Command] = [ask("a", slices=4, until=SOON + 100, min_minutes=31), sold]
    canceled = [Amended("a"), Done("a", "canceled", "amended_away")]
    assert play(*entries, amend("a", slices=3)) == canceled, "stretches of 30 minutes are left"
    assert play(*entries, amend("a", slices=1)) == canceled
    short = ask("a", slices=4, until=SOON + 100, min_minutes=30)
    assert play(short, sold, amend("a", slices=3)) == [Amended("a")]


def test_a_price_is_a_re_entry_that_trades_as_the_taker() -> None:
    assert play(ask("a", 120), bid("b", 100), amend("b", price=130)) == [
        Amended("b"),
        Trade("b", "a", 120, SOON, SOON + 60, 1, 1, "bid"),
        Done("a", "filled", "fully_filled"),
        Done("b", "filled", "fully_filled"),
    ]
    assert partners(bid("b", 100), ask("a", 120), amend("a", price=90)) == ["b"]


@pytest.mark.parametrize("price", [100, 99, 101])
def test_a_price_also_the_same_one_is_a_new_place_at_the_end(price: int) -> None:
    entries: list[Command] = [ask("first"), ask("second"), amend("first", price=price), amend("second", price=price)]
    assert partners(*entries, bid("b", 200, guests=2)) == ["first", "second"]
    assert partners(*entries[:3], bid("b", 200, guests=2))[-1] == ("first" if price >= 100 else "second")


def test_what_an_order_traded_stays_traded_when_it_enters_again() -> None:
    entries: list[Command] = [ask("a", slices=3), bid("b"), amend("a", price=150)]
    assert trades(*entries, bid("c", 150, guests=9))[0].guests == 2
    bidding: list[Command] = [bid("b", guests=3), ask("a"), amend("b", price=150)]
    assert trades(*bidding, ask("c", 150, slices=9))[0].guests == 2


def test_a_post_only_order_is_not_repriced_into_a_trade() -> None:
    for own in ("seller", "buyer"):
        entries: list[Command] = [ask("a", 120, participant=own), bid("b", post_only=True), bid("c")]
        refused = amend("b", price=120)
        assert play(*entries, refused) == []
        assert partners(*entries, refused, ask("x", 100, slices=9)) == ["b", "c"], (
            "its price and place are the old ones"
        )
        assert play(*entries, amend("b", price=119)) == [Amended("b")]


@pytest.mark.parametrize(
    ("stp", "finished"),
    [
        ("cancel_taker", [("b", "canceled", "self_trade")]),
        ("cancel_maker", [("a", "canceled", "self_trade")]),
        ("cancel_both", [("a", "canceled", "self_trade"), ("b", "canceled", "self_trade")]),
    ],
)
def test_the_mode_of_the_order_that_enters_again_decides(stp: str, finished: list[tuple[str, str, str]]) -> None:
    taker = bid("b", participant="both", stp=stp)  # type: ignore[arg-type] # one of the three
    assert ends(ask("a", 120, participant="both"), taker, amend("b", price=120)) == finished


@pytest.mark.parametrize(
    "refused",
    [
        amend("b", guests=5),
        amend("b", guests=6),
        amend("b", guests=1),
        amend("b", slices=1),
        amend("a", slices=4),
        amend("a", slices=9),
        amend("a", guests=1),
        amend("nobody", price=1),
        amend("done", price=1),
    ],
)
def test_a_refused_amendment_changes_nothing_and_says_nothing(refused: Amend) -> None:
    entries: list[Command] = [
        ask("done", slices=2),
        bid("b", guests=5),
        ask("a", 200, slices=4),
    ]
    assert play(*entries, refused) == []
    shard = Shard("z")
    for command in entries:
        shard.apply(command)
    before = shard.state_hash()
    shard.apply(refused)
    assert shard.state_hash() == before


def test_time_passes_with_a_refused_amendment() -> None:
    assert ends(bid("b", start_by=SOON + 5), amend("b", minute=SOON + 5, price=200)) == [
        ("b", "expired", "window_passed")
    ]


def test_orders_that_entered_again_expire_in_the_order_of_their_re_entry() -> None:
    entries: list[Command] = [bid("first"), bid("second"), amend("first", price=90)]
    assert [order for order, _, _ in ends(*entries, Tick(SOON))] == ["second", "first"]


def test_the_load_of_a_node_shrinks_by_what_the_ask_lost() -> None:
    def peak(*commands: Command) -> Capacity:
        shard = Shard("z")
        for command in commands:
            shard.apply(command)
        return shard.peak("node", Window(SOON, SOON + 60))

    entries: list[Command] = [ask("a", slices=5, vector=(1, 10, 100)), bid("b", guests=2)]
    assert peak(*entries, amend("a", slices=4)) == Capacity(4, 40, 400)
    assert peak(*entries, amend("a", slices=1)) == Capacity(2, 20, 200), "what is sold stays committed"
    assert peak(*entries, amend("a", price=500)) == Capacity(5, 50, 500)
    assert peak(*entries, amend("a", slices=4), cancel("a")) == Capacity(2, 20, 200)


def test_an_amendment_can_be_taken_back() -> None:
    shard = Shard("z")
    for command in (ask("a", 120, slices=4), ask("a2", 120), bid("b", guests=3), ask("c", slices=1)):
        shard.apply(command)
    before, depth, mark = shard.state_hash(), shard.depth("z.std.firm"), shard.mark()
    for change in (amend("a", slices=2), amend("b", guests=2), amend("a", price=121), amend("b", price=121)):
        assert shard.apply(change)
    shard.take_back(mark)
    assert (shard.state_hash(), shard.depth("z.std.firm"), shard.next_expiry()) == (before, depth, NOW + 1)
