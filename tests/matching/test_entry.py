"""Stories of the attributes that decide at an order's entry: gtd, fok, post_only."""

from __future__ import annotations

import pytest

from matching.commands import Command, InstrumentMode, Tick
from matching.events import Amended, Done, Trade
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, amend, ask, bid, cancel
from tests.matching.stories import ends, partners, play

LATER = SOON + 30


@pytest.mark.parametrize(
    "entry",
    [
        bid("x", start_by=LATER, tif="gtd", expires_at=SOON + 5),
        ask("x", until=SOON + 500, tif="gtd", expires_at=SOON + 5),
    ],
)
def test_a_gtd_order_expires_at_its_minute(entry: Command) -> None:
    assert ends(entry, Tick(SOON + 4)) == []
    assert ends(entry, Tick(SOON + 5)) == [("x", "expired", "expires_at_reached")]


def test_a_gtd_order_expires_with_its_window_when_that_is_earlier() -> None:
    entry = bid("x", start_by=SOON + 5, tif="gtd", expires_at=LATER)
    assert ends(entry, Tick(SOON + 5)) == [("x", "expired", "window_passed")]


@pytest.mark.parametrize("expires_at", [NOW, NOW - 1, 0, -5])
def test_a_gtd_order_whose_minute_has_come_is_rejected(expires_at: int) -> None:
    for entry in (bid("x", tif="gtd", expires_at=expires_at), ask("x", tif="gtd", expires_at=expires_at)):
        assert play(entry) == [Done("x", "rejected", "expires_at_passed")]


def test_expires_at_counts_for_gtd_alone() -> None:
    assert play(bid("x", start_by=LATER, expires_at=NOW)) == []


def test_a_fok_bid_trades_all_guests_at_once_whatever_their_starts_and_asks() -> None:
    entries: list[Command] = [ask("a1", 80, until=SOON + 120), ask("a2", 90)]
    events = play(*entries, bid("b", guests=3, start_by=SOON + 60, tif="fok"))
    assert [event for event in events if isinstance(event, Trade)] == [
        Trade("b", "a1", 80, SOON, SOON + 60, 1, 1, "bid"),
        Trade("b", "a1", 80, SOON + 60, SOON + 120, 1, 1, "bid"),
        Trade("b", "a2", 90, SOON, SOON + 60, 1, 1, "bid"),
    ]
    assert events[-1] == Done("b", "filled", "fully_filled")


def test_a_fok_bid_that_cannot_trade_every_guest_trades_none() -> None:
    entries: list[Command] = [ask("a1", 80), ask("a2", 90)]
    assert play(*entries, bid("b", guests=3, tif="fok")) == [Done("b", "rejected", "fok_unfilled")]
    assert partners(*entries, bid("b", guests=3, tif="fok"), bid("c", guests=3)) == ["a1", "a2"]


@pytest.mark.parametrize("stp", ["cancel_taker", "cancel_maker", "cancel_both"])
def test_a_fok_bid_that_fails_cancels_nobody(stp: str) -> None:
    entries: list[Command] = [ask("own", 80, participant="both"), ask("other", 90)]
    taker = bid("b", participant="both", guests=2, tif="fok", stp=stp)  # type: ignore[arg-type] # one of the three
    assert ends(*entries, taker) == [("b", "rejected", "fok_unfilled")]
    assert partners(*entries, taker, bid("c", guests=2)) == ["own", "other"]


def test_a_fok_bid_that_succeeds_cancels_its_own_orders_in_the_way() -> None:
    entries: list[Command] = [ask("own", 80, participant="both"), ask("other", 90)]
    taker = bid("b", participant="both", tif="fok", stp="cancel_maker")
    assert ends(*entries, taker) == [
        ("own", "canceled", "self_trade"),
        ("other", "filled", "fully_filled"),
        ("b", "filled", "fully_filled"),
    ]


def test_a_fok_bid_that_failed_leaves_no_trace_but_its_id() -> None:
    failed, refused = Shard("z"), Shard("z")
    for shard in (failed, refused):
        shard.apply(ask("a", 80, slices=2, until=SOON + 90))
    failed.apply(bid("b", guests=9, start_by=LATER, tif="fok"))
    refused.apply(bid("b", start_by=NOW))
    assert failed.state_hash() == refused.state_hash()
    assert failed.next_expiry() == refused.next_expiry()


def test_a_fok_ask_is_rejected() -> None:
    assert play(bid("b"), ask("a", tif="fok")) == [Done("a", "rejected", "fok_ask")]


def test_a_post_only_order_rests_when_nothing_is_compatible() -> None:
    assert play(ask("a", 101), bid("b", 100, post_only=True)) == []
    assert play(ask("a", until=SOON + 59), bid("b", post_only=True)) == []
    assert partners(bid("b", post_only=True), ask("a")) == ["b"], "it trades when another order comes"


def test_a_post_only_order_that_would_trade_is_rejected() -> None:
    rejected = [("x", "rejected", "post_only_would_trade")]
    assert ends(ask("a"), bid("x", post_only=True)) == rejected
    assert ends(bid("b"), ask("x", post_only=True)) == rejected
    assert partners(ask("a"), bid("x", post_only=True), bid("c")) == ["a"]


@pytest.mark.parametrize("stp", ["cancel_taker", "cancel_maker", "cancel_both"])
def test_a_post_only_order_is_rejected_before_its_own_order_too(stp: str) -> None:
    own = ask("own", participant="both")
    taker = bid("x", participant="both", post_only=True, stp=stp)  # type: ignore[arg-type] # one of the three
    assert ends(own, taker) == [("x", "rejected", "post_only_would_trade")]
    assert ends(own, taker, cancel("own")) == [("own", "canceled", "requested")]


@pytest.mark.parametrize(
    ("mode", "reason"), [("halted", "instrument_halted"), ("cancel_only", "instrument_cancel_only")]
)
def test_no_order_enters_a_closed_instrument(mode: InstrumentMode, reason: str) -> None:
    for entry in (bid("x", mode=mode), ask("x", mode=mode)):
        assert play(entry) == [Done("x", "rejected", reason)]


def test_a_post_only_instrument_takes_what_would_not_match() -> None:
    assert ends(ask("a"), bid("x", mode="post_only")) == [("x", "rejected", "instrument_post_only")]
    assert ends(ask("a"), bid("x", 99, mode="post_only")) == []


@pytest.mark.parametrize("mode", ["halted", "cancel_only", "post_only"])
def test_orders_of_a_closed_instrument_can_be_canceled_and_made_smaller(mode: InstrumentMode) -> None:
    rested: list[Command] = [ask("a", 100, slices=2), bid("b", 90, guests=2)]
    assert play(*rested, amend("a", slices=1, mode=mode)) == [Amended("a")]
    assert play(*rested, amend("b", guests=1, mode=mode)) == [Amended("b")]
    assert ends(*rested, cancel("a")) == [("a", "canceled", "requested")]


@pytest.mark.parametrize("mode", ["halted", "cancel_only", "post_only"])
def test_a_price_that_would_trade_is_refused_while_the_instrument_is_closed(mode: InstrumentMode) -> None:
    assert partners(ask("a"), bid("b", 90), amend("b", price=100, mode=mode)) == []
    assert partners(ask("a"), bid("b", 90), amend("b", price=100)) == ["a"]
