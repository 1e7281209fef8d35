"""Stories of the rule, one for each sentence of it. What they must hold together is in test_histories.py."""

from __future__ import annotations

from typing import Any

import pytest

from matching.commands import Command
from matching.events import Done, Trade
from tests.matching.factories import NOW, SOON, ask, bid, cancel
from tests.matching.stories import ends, partners, play, trades


def test_a_bid_and_an_ask_that_fit_trade() -> None:
    assert play(ask("a", 90), bid("b", 100)) == [
        Trade("b", "a", 90, SOON, SOON + 60, 1, 1, "bid"),
        Done("a", "filled", "fully_filled"),
        Done("b", "filled", "fully_filled"),
    ]


def test_the_trade_is_at_the_resting_orders_price() -> None:
    assert trades(ask("a", 90), bid("b", 100))[0].price_micros == 90
    assert trades(bid("b", 100), ask("a", 90))[0].price_micros == 100
    assert trades(bid("b", 100), ask("a", 90))[0].taker_side == "ask"


def test_prices_that_do_not_cross_do_not_trade() -> None:
    assert play(ask("a", 101), bid("b", 100)) == []
    assert play(bid("b", 100), ask("a", 101)) == []


def test_instruments_do_not_mix() -> None:
    assert not trades(ask("a", instrument="z.mem.firm"), bid("b"))


def test_the_best_price_is_served_first() -> None:
    asks = [ask("dear", 95), ask("cheap", 85), ask("middle", 90)]
    assert partners(*asks, bid("b", guests=3)) == ["cheap", "middle", "dear"]
    bids = [bid("low", 95), bid("high", 110), bid("middle", 100)]
    assert partners(*bids, ask("a", 90, slices=3)) == ["high", "middle", "low"]


def test_the_earlier_is_served_first_among_equal_prices() -> None:
    assert partners(ask("first"), ask("second"), bid("b", guests=2)) == ["first", "second"]
    assert partners(bid("first"), bid("second"), ask("a", slices=2)) == ["first", "second"]


def test_an_incompatible_order_is_passed_over_and_keeps_its_place() -> None:
    entries: list[Command] = [ask("short", 80, until=SOON + 30), ask("long", 90)]
    assert partners(*entries, bid("b")) == ["long"]
    assert partners(*entries, bid("b"), ask("later", 80, until=SOON + 30), bid("c", duration=30)) == ["short"]


def test_the_earliest_feasible_start_is_taken() -> None:
    wide = ask("a", start=SOON, until=SOON + 300)
    assert trades(wide, bid("b", start_by=SOON + 100))[0].start == SOON
    assert trades(wide, bid("b", start_from=SOON + 7, start_by=SOON + 100))[0].start == SOON + 7
    assert trades(ask("a", start=SOON + 9, until=SOON + 300), bid("b", start_by=SOON + 100))[0].start == SOON + 9
    taken = bid("taken", duration=20)
    assert trades(wide, taken, bid("b", start_by=SOON + 100))[0].start == SOON + 20


def test_nothing_starts_before_the_next_minute() -> None:
    late = bid("b", minute=NOW + 5, start_from=NOW, start_by=NOW + 50)
    assert trades(ask("a", start=NOW - 10, until=NOW + 500), late)[0].start == NOW + 6


def test_the_last_start_still_fits_and_the_next_does_not() -> None:
    assert trades(ask("a", start=SOON + 10, until=SOON + 70), bid("b", start_by=SOON + 10))[0].start == SOON + 10
    assert not trades(ask("a", start=SOON + 10, until=SOON + 70), bid("b", start_by=SOON + 9))
    assert not trades(ask("a", start=SOON + 11, until=SOON + 70), bid("b", start_by=SOON + 11))


def test_as_many_guests_as_fit_then_the_next_start_then_the_next_candidate() -> None:
    entries: list[Command] = [
        ask("a", 80, slices=4, until=SOON + 120),
        ask("next", 90, slices=4, until=SOON + 120),
        bid("earlier", slices=2, duration=30),
    ]
    found = trades(*entries, bid("b", guests=6, slices=2, start_by=SOON + 60))
    assert [(trade.ask, trade.start, trade.guests) for trade in found] == [
        ("a", SOON, 1),
        ("a", SOON + 30, 1),
        ("a", SOON + 60, 1),
        ("next", SOON, 2),
        ("next", SOON + 60, 1),
    ]


def test_the_profile_must_hold_at_every_minute_of_the_window() -> None:
    entries: list[Command] = [
        ask("a", slices=2, until=SOON + 90),
        bid("hole", start_from=SOON + 30, start_by=SOON + 30, duration=5),
    ]
    assert not trades(*entries, bid("b", slices=2))
    assert trades(*entries, bid("b", slices=1))


def test_the_profile_is_cut_by_exactly_the_window() -> None:
    entries: list[Command] = [
        ask("a", slices=3, until=SOON + 100),
        bid("b", slices=2, start_from=SOON + 20, start_by=SOON + 20),
    ]
    before = bid("before", slices=3, duration=20)
    beside = bid("beside", start_from=SOON + 20, start_by=SOON + 20)
    after = bid("after", slices=3, duration=20, start_from=SOON + 80, start_by=SOON + 80)
    rest: list[Command] = [*entries, before, beside, after]
    for count in range(3, 6):
        assert partners(*rest[:count]) == ["a"]
    assert play(*rest)[-2:] == [Done("a", "filled", "fully_filled"), Done("after", "filled", "fully_filled")]


def test_the_rest_of_an_ask_keeps_its_priority() -> None:
    entries: list[Command] = [ask("first", slices=2), ask("second", slices=2), bid("b")]
    assert partners(*entries, bid("c", guests=2)) == ["first", "second"]


def test_the_rest_of_a_bid_keeps_its_priority() -> None:
    entries: list[Command] = [bid("first", guests=2), bid("second"), ask("a")]
    assert partners(*entries, ask("c", slices=2)) == ["first", "second"]


def test_a_contract_is_never_shorter_than_the_ask_allows() -> None:
    assert not trades(ask("a", min_minutes=61, until=SOON + 300), bid("b"))
    assert trades(ask("a", min_minutes=60, until=SOON + 300), bid("b"))
    assert not trades(bid("b"), ask("a", min_minutes=61, until=SOON + 300))


def test_what_an_ioc_does_not_fill_is_canceled() -> None:
    assert play(ask("a"), bid("b", guests=2, tif="ioc"))[-1] == Done("b", "canceled", "ioc_remainder")
    assert play(bid("b"), ask("a", slices=2, tif="ioc"))[-1] == Done("a", "canceled", "ioc_remainder")
    assert play(bid("b", tif="ioc")) == [Done("b", "canceled", "ioc_remainder")]
    assert not trades(bid("b", tif="ioc"), ask("a"))


def test_the_incoming_order_gives_way_on_meeting_its_own_participant() -> None:
    own = ask("own", 90, participant="both")
    assert play(own, bid("b", participant="both")) == [Done("b", "canceled", "self_trade")]
    assert partners(own, bid("b", participant="both"), bid("other")) == ["own"]
    own_bid = bid("own", 110, participant="both")
    assert play(own_bid, ask("a", participant="both"))[-1] == Done("a", "canceled", "self_trade")


def test_cancel_maker_takes_the_resting_order_away_and_goes_on() -> None:
    entries: list[Command] = [ask("own", 80, participant="both"), ask("other", 90)]
    taker = bid("b", participant="both", stp="cancel_maker")
    assert play(*entries, taker) == [
        Done("own", "canceled", "self_trade"),
        Trade("b", "other", 90, SOON, SOON + 60, 1, 1, "bid"),
        Done("other", "filled", "fully_filled"),
        Done("b", "filled", "fully_filled"),
    ]


def test_cancel_both_takes_both_away() -> None:
    entries: list[Command] = [ask("own", 80, participant="both"), ask("other", 90)]
    taker = bid("b", participant="both", stp="cancel_both")
    assert ends(*entries, taker) == [("own", "canceled", "self_trade"), ("b", "canceled", "self_trade")]
    assert partners(*entries, taker, bid("c")) == ["other"]


def test_the_incoming_orders_mode_decides_not_the_resting_ones() -> None:
    own = ask("own", participant="both", stp="cancel_maker")
    assert ends(own, bid("b", participant="both")) == [("b", "canceled", "self_trade")]


def test_an_order_that_is_filled_meets_no_own_order_after() -> None:
    entries: list[Command] = [ask("other", 80), ask("own", 90, participant="both")]
    assert ends(*entries, bid("b", participant="both", stp="cancel_both"))[-1] == ("b", "filled", "fully_filled")


def test_trades_made_before_the_self_trade_stand() -> None:
    entries: list[Command] = [ask("other", 80), ask("own", 90, participant="both"), ask("beyond", 95)]
    events = play(*entries, bid("b", participant="both", guests=3))
    assert [type(event) for event in events] == [Trade, Done, Done]
    assert events[-1] == Done("b", "canceled", "self_trade")


def test_an_own_order_that_is_not_compatible_is_passed_over() -> None:
    own = ask("own", 80, participant="both", until=SOON + 30)
    assert partners(own, ask("other", 90), bid("b", participant="both")) == ["other"]


def test_an_ask_without_a_slice_to_come_is_filled_whatever_has_elapsed() -> None:
    early = ask("a", start=NOW - 100, until=SOON + 60)
    assert Done("a", "filled", "fully_filled") in play(early, bid("b"))


def test_a_canceled_order_trades_no_more() -> None:
    assert play(ask("a"), cancel("a")) == [Done("a", "canceled", "requested")]
    assert not trades(ask("a"), cancel("a"), bid("b"))


def test_canceling_what_is_not_open_does_nothing() -> None:
    assert play(cancel("never")) == []
    assert play(ask("a"), bid("b"), cancel("a")) == []


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"nodes": ("n1",)}, "n1"),
        ({"nodes": ("n2", "n3")}, "n2"),
        ({"avoid": ("p1",)}, "n2"),
        ({"avoid": ("p1", "p2")}, "n3"),
        ({"reliability": 900_001}, "n2"),
        ({"reliability": 950_001}, "n3"),
        ({"nodes": ("n1", "n3"), "avoid": ("p1",)}, "n3"),
        ({"nodes": ("n1",), "reliability": 900_001}, None),
    ],
)
def test_the_conditions_of_a_bid_are_compared_with_what_is_stamped_on_the_ask(
    condition: dict[str, Any], fits: str | None
) -> None:
    asks = [
        ask("n1", 80, node="n1", participant="p1", reliability=900_000),
        ask("n2", 90, node="n2", participant="p2", reliability=950_000),
        ask("n3", 95, node="n3", participant="p3", reliability=1_000_000),
    ]
    found = [] if fits is None else [fits]
    assert partners(*asks, bid("b", **condition)) == found
    assert [order for order in ("n1", "n2", "n3") if partners(bid("b", **condition), asks[int(order[1]) - 1])] == [
        offer.order for offer in asks if partners(offer, bid("b", **condition))
    ]


def test_an_own_order_that_the_conditions_exclude_is_passed_over() -> None:
    own = ask("own", 80, participant="both")
    assert partners(own, ask("other", 90), bid("b", participant="both", avoid=("both",))) == ["other"]
