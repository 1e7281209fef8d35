from __future__ import annotations

import pytest

from common.errors import Conflict, InvalidInput
from matching.commands import MOST_ALTERNATIVES, EnterBid, EnterGroup
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, amend, ask, bid, cancel
from tests.matching.stories import ends, partners, play

LATE = ask("a", 80, slices=9, until=SOON + 300)


def group(*bids: EnterBid) -> EnterGroup:
    return EnterGroup(NOW, bids)


CANCELED = ("canceled", "exclusive_group")


def test_one_bid_trades_and_the_others_are_canceled_in_the_same_step() -> None:
    wanted = group(bid("x", 90), bid("y", 100), bid("z", 95, instrument="z.mem.firm"))
    assert ends(wanted, LATE) == [("x", *CANCELED), ("z", *CANCELED), ("y", "filled", "fully_filled")]


def test_a_rival_of_the_same_price_behind_the_winner_does_not_trade_with_the_same_ask() -> None:
    assert partners(group(bid("x"), bid("y"), bid("z")), bid("other"), LATE) == ["x", "other"]


def test_a_rival_that_was_alone_at_a_better_price_leaves_and_lower_prices_still_trade() -> None:
    dear = bid("dear", 120, start_from=SOON + 290, start_by=SOON + 290)
    assert partners(group(dear, bid("cheap", 100)), bid("next", 90), bid("last", 85), LATE) == ["cheap", "next", "last"]


def test_bids_behind_one_that_trades_on_entry_do_not_meet_the_book() -> None:
    wanted = group(bid("x", 70), bid("y"), bid("z", 200))
    assert ends(LATE, wanted) == [("x", *CANCELED), ("y", "filled", "fully_filled"), ("z", *CANCELED)]


def test_a_winner_that_is_filled_in_part_stays_for_its_rest() -> None:
    wanted, little = group(bid("x", guests=3, start_by=SOON + 99), bid("y")), ask("a", slices=1)
    assert ends(wanted, little) == [("y", *CANCELED), ("a", "filled", "fully_filled")]
    assert partners(wanted, little, ask("b", slices=1)) == ["x"]


def test_what_ends_by_itself_ends_no_rival() -> None:
    fok, ioc, own = bid("f", guests=10, tif="fok"), bid("i", tif="ioc", price=70), bid("s", participant="buyer")
    rejected = ("f", "rejected", "fok_unfilled")
    mine = ask("mine", participant="buyer")
    assert ends(mine, LATE, group(fok, ioc, bid("r", 60))) == [rejected, ("i", "canceled", "ioc_remainder")]
    assert ends(mine, group(own, bid("r", 60)))[0] == ("s", "canceled", "self_trade")
    assert ends(group(bid("x"), bid("y")), cancel("x")) == [("x", "canceled", "requested")]


def test_an_amended_bid_that_trades_ends_its_rivals() -> None:
    wanted = group(bid("x", 70), bid("y", 60))
    assert ends(LATE, wanted, amend("x", price=90)) == [("y", *CANCELED), ("x", "filled", "fully_filled")]


def test_a_fill_or_kill_that_fails_gives_the_rivals_back() -> None:
    resting, fok = bid("x", 70), bid("f", guests=10, tif="fok")
    assert ends(LATE, group(resting, fok)) == [("f", "rejected", "fok_unfilled")]
    assert partners(LATE, group(resting, fok), ask("cheap", 60)) == ["x"]


def test_bids_of_a_group_are_of_one_minute_and_participant_and_not_too_many() -> None:
    many = [bid(f"b{number}") for number in range(MOST_ALTERNATIVES + 1)]
    for bids in ([bid("x")], many, [bid("x"), bid("x")], [bid("x"), bid("y", participant="else")]):
        with pytest.raises(InvalidInput):
            group(*bids)
    with pytest.raises(InvalidInput):
        group(bid("x"), bid("y", minute=NOW + 1))


def test_an_id_that_is_open_refuses_the_whole_group() -> None:
    shard = Shard("z")
    shard.apply(LATE)
    shard.apply(bid("x", 10))
    before = shard.state_hash()
    for bids in ((bid("y"), bid("x")), (bid("y", 10), bid("x"))):
        with pytest.raises(Conflict):
            shard.apply(group(*bids))
        assert shard.state_hash() == before


def test_a_group_comes_back_out_of_a_snapshot() -> None:
    shard = Shard("z")
    shard.apply(group(bid("y"), bid("x"), bid("z")))
    restored = Shard.restored("z", shard.snapshot())
    assert restored.state_hash() == shard.state_hash()
    assert restored.apply(LATE) == play(group(bid("y"), bid("x"), bid("z")), LATE)
