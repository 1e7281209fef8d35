from __future__ import annotations

from common.minutes import Window
from common.wire import Capacity
from matching.commands import Command, Free, Tick
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, ask, bid, cancel

HOUR = Window(SOON, SOON + 60)
STD = (1, 2048, 10)


def peak_after(*commands: Command, window: Window = HOUR, node: str = "node") -> Capacity:
    shard = Shard("z")
    for command in commands:
        shard.apply(command)
    return shard.peak(node, window)


def test_an_open_ask_is_committed_over_its_window_on_its_node() -> None:
    entry = ask("a", slices=4, vector=STD)
    assert peak_after(entry) == Capacity(4, 4 * 2048, 40)
    assert peak_after(entry, window=Window(SOON + 60, SOON + 90)) == Capacity(0, 0, 0)
    assert peak_after(entry, window=Window(SOON + 59, SOON + 90)) == Capacity(4, 4 * 2048, 40)
    assert peak_after(entry, node="other") == Capacity(0, 0, 0)


def test_asks_of_all_instruments_and_classes_add_up_minute_by_minute() -> None:
    first = ask("a", slices=4, vector=STD, until=SOON + 30)
    second = ask("b", slices=2, vector=(1, 8192, 10), start=SOON + 20, instrument="z.mem.firm")
    assert peak_after(first, second) == Capacity(6, 4 * 2048 + 2 * 8192, 60)
    apart = ask("b", slices=2, vector=(1, 8192, 10), start=SOON + 30, instrument="z.mem.firm")
    assert peak_after(first, apart) == Capacity(4, 2 * 8192, 40), "the peaks of two resources may lie apart"


def test_a_trade_moves_nothing() -> None:
    assert peak_after(ask("a", slices=4), bid("b", guests=3)) == Capacity(4, 4 * 2048, 40)


def test_a_canceled_ask_frees_what_it_did_not_sell() -> None:
    commands = (ask("a", slices=4, until=SOON + 90), bid("b", guests=3), cancel("a"))
    assert peak_after(*commands) == Capacity(3, 3 * 2048, 30)
    assert peak_after(*commands, window=Window(SOON + 60, SOON + 90)) == Capacity(0, 0, 0)


def test_what_a_filled_ask_sold_stays_committed() -> None:
    assert peak_after(ask("a"), bid("b")) == Capacity(1, 2048, 10)


def free(start: int, minute: int = NOW) -> Free:
    return Free(minute, "con", "node", 1, *STD, start, SOON + 60)


def test_a_contract_that_ends_early_gives_its_slices_back_from_then_on() -> None:
    commands = (ask("a"), bid("b"), free(SOON + 20))
    assert peak_after(*commands) == Capacity(1, 2048, 10)
    assert peak_after(*commands, window=Window(SOON + 20, SOON + 60)) == Capacity(0, 0, 0)
    assert peak_after(ask("a"), bid("b"), free(SOON + 60), window=Window(SOON + 59, SOON + 60)).vcpus == 1
    assert peak_after(ask("a"), bid("b"), free(SOON + 31, SOON + 30), window=Window(SOON + 30, SOON + 31)).vcpus == 1


def test_what_is_given_back_can_be_taken_back() -> None:
    shard = Shard("z")
    for command in (ask("a"), bid("b")):
        shard.apply(command)
    before, mark = shard.state_hash(), shard.mark()
    assert shard.apply(free(SOON)) == []
    assert shard.state_hash() != before
    shard.take_back(mark)
    assert shard.state_hash() == before


def test_an_expired_ask_frees_what_it_did_not_sell() -> None:
    sold = bid("b", start_from=SOON + 10, start_by=SOON + 10, duration=50)
    commands = (ask("a", slices=2, min_minutes=50), sold, Tick(SOON + 10))
    assert peak_after(*commands) == Capacity(1, 2048, 10)


def test_an_ioc_ask_leaves_only_what_it_sold() -> None:
    assert peak_after(bid("b", guests=2), ask("a", slices=4, tif="ioc")) == Capacity(2, 2 * 2048, 20)


def test_an_ask_that_meets_its_own_participant_frees_everything() -> None:
    assert peak_after(bid("b", participant="both"), ask("a", participant="both")) == Capacity(0, 0, 0)


def test_minutes_that_have_passed_are_free() -> None:
    entry = ask("a", start=NOW - 30, until=SOON + 60)
    assert peak_after(entry, window=Window(NOW - 30, NOW)) == Capacity(0, 0, 0)
    assert peak_after(entry, window=Window(NOW - 30, SOON)) == Capacity(1, 2048, 10)
    assert peak_after(entry, Tick(SOON + 20), window=Window(NOW, SOON + 20)) == Capacity(0, 0, 0)


def test_time_between_entry_and_departure_does_not_unbalance_the_load() -> None:
    late = ask("late", minute=SOON + 40, start=SOON + 20, until=SOON + 80)
    commands = (ask("a", slices=2, until=SOON + 80), Tick(SOON + 30), late, cancel("a", minute=SOON + 45))
    assert peak_after(*commands, window=Window(SOON, SOON + 90)) == Capacity(1, 2048, 10)
    assert peak_after(*commands, cancel("late", minute=SOON + 50), window=Window(SOON, SOON + 90)) == Capacity(0, 0, 0)


def test_slices_without_resources_load_nothing() -> None:
    assert peak_after(ask("a", vector=(0, 0, 0)), cancel("a")) == Capacity(0, 0, 0)


def test_what_has_passed_is_folded_and_changes_nothing_to_come() -> None:
    shard = Shard("z")
    for index in range(200):
        minute = NOW + index
        shard.apply(ask(f"a{index}", slices=2, minute=minute, start=minute + 1, until=minute + 31))
        shard.apply(bid(f"b{index}", minute=minute, start_from=minute + 1, start_by=minute + 1, duration=20))
        mark, before = shard.mark(), shard.state_hash()
        shard.apply(ask("later", minute=minute + 10, start=minute + 11, until=minute + 12))
        shard.take_back(mark)
        assert shard.state_hash() == before
    last = NOW + 199
    # At the last minute + 1 there are the asks of 30 minutes, whose first 20 have a slice sold already.
    assert shard.peak("node", Window(last + 1, last + 2)) == Capacity(60, 60 * 2048, 600)
    for index in range(200):
        shard.apply(cancel(f"a{index}", minute=last))
    assert shard.peak("node", Window(last + 1, last + 2)) == Capacity(20, 20 * 2048, 200)
    assert shard.peak("node", Window(last + 21, last + 90)) == Capacity(0, 0, 0)
