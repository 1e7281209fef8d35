from __future__ import annotations

import pytest

from common.errors import InvalidInput
from common.minutes import Window
from common.wire import Capacity
from matching.commands import Command, EnterAsk, EnterLinkedAsk
from matching.events import Cut
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, amend, ask, bid, cancel
from tests.matching.stories import ends, partners, play

MEM = {"instrument": "z.mem.firm", "vector": (1, 8192, 10)}
HOUR = Window(SOON, SOON + 60)


def linked(entry: EnterAsk, vcpus: int = 8, memory_mib: int = 32_768, disk_gib: int = 80) -> EnterLinkedAsk:
    """Of a node that offers eight slices of `std`, or four of `mem`."""
    return EnterLinkedAsk(NOW, entry, vcpus, memory_mib, disk_gib)


STD = linked(ask("std", slices=8))
LARGE = linked(ask("mem", slices=4, **MEM))  # type: ignore[arg-type]  # the fields of the other class


def shard_after(*commands: Command) -> Shard:
    shard = Shard("z")
    for command in commands:
        shard.apply(command)
    return shard


def cuts(*commands: Command) -> list[tuple[str, int]]:
    return [(event.order, event.slice_minutes) for event in play(*commands) if isinstance(event, Cut)]


def test_when_one_sells_the_others_are_cut_to_exactly_what_still_fits() -> None:
    assert cuts(STD, LARGE, bid("b", guests=2)) == [("mem", 60)], "6 vCPUs and 28 GiB are left: three of 8 GiB fit"
    assert cuts(STD, LARGE, bid("b", guests=4, duration=20)) == [("mem", 20)]
    assert cuts(STD, LARGE, bid("b", guests=4), bid("c", guests=1, instrument="z.mem.firm")) == [("std", 60)]


def test_a_sale_that_leaves_room_for_the_others_cuts_nothing() -> None:
    little = linked(ask("mem", slices=2, **MEM))  # type: ignore[arg-type]  # see above
    assert cuts(STD, little, bid("b", guests=4)) == []
    assert cuts(linked(ask("std", slices=8, node="other")), LARGE, bid("b", guests=8)) == []


def test_one_of_which_no_contract_is_left_is_canceled() -> None:
    assert ends(STD, LARGE, bid("b", guests=8)) == [
        ("mem", "canceled", "linked"),
        ("std", "filled", "fully_filled"),
        ("b", "filled", "fully_filled"),
    ]


def test_the_next_counterpart_of_the_same_order_is_cut_before_it_is_met() -> None:
    twice = linked(ask("again", slices=8))
    events = play(STD, twice, bid("b", guests=10, tif="ioc"))
    assert [event for event in events if isinstance(event, Cut)] == [Cut("again", 480)]
    assert partners(STD, twice, bid("b", guests=10, tif="ioc")) == ["std"]


def test_a_linked_ask_that_trades_on_entry_cuts_those_that_rest() -> None:
    assert cuts(LARGE, bid("b", guests=8), STD) == [("mem", 240)]


def test_linked_asks_take_of_their_node_what_the_largest_takes_each_resource_by_itself() -> None:
    shard = shard_after(STD, LARGE)
    assert shard.peak("node", HOUR) == Capacity(8, 32_768, 80)
    assert shard.peak("node", HOUR, linked=False) == Capacity(0, 0, 0)
    shard.apply(bid("b", guests=2))
    assert shard.peak("node", HOUR) == Capacity(8, 4_096 + 24_576, 80)
    assert shard.peak("node", HOUR, linked=False) == Capacity(2, 4_096, 20)
    shard.apply(cancel("std"))
    assert shard.peak("node", HOUR) == Capacity(2 + 3, 4_096 + 24_576, 20 + 30)


def test_a_fill_or_kill_that_fails_cuts_nothing() -> None:
    before, after = shard_after(STD, LARGE), shard_after(STD, LARGE, bid("b", guests=9, tif="fok"))
    assert {**before.snapshot(), "entered": 3} == after.snapshot()


def test_an_amendment_cuts_nobody_else_and_an_amended_ask_is_cut_like_any_other() -> None:
    assert cuts(STD, LARGE, amend("std", slices=2)) == []
    assert cuts(STD, LARGE, amend("std", price=200), bid("b", guests=3, instrument="z.mem.firm")) == [("std", 240)]


def test_a_pool_comes_back_out_of_a_snapshot_and_of_what_is_taken_back() -> None:
    shard = shard_after(STD, LARGE, bid("b", guests=1))
    restored = Shard.restored("z", shard.snapshot())
    assert restored.state_hash() == shard.state_hash()
    more = bid("c", guests=7)
    mark, before = shard.mark(), shard.state_hash()
    first = shard.apply(more)
    shard.take_back(mark)
    assert shard.state_hash() == before
    assert shard.apply(more) == first == restored.apply(more)


def test_a_node_offers_no_less_than_nothing() -> None:
    with pytest.raises(InvalidInput):
        linked(ask("a"), vcpus=-1)
