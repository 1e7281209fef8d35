"""The rest of a contract on the book: one guest of all its slices, until just its end, by price and time."""

from __future__ import annotations

from matching.commands import EnterAsk
from matching.events import Done, Trade
from matching.shard import Shard
from tests.matching.factories import SOON, amend, ask, bid
from tests.matching.stories import ends, partners, play, trades

END = SOON + 60


def rest(order: str = "rest", price: int = 100, **given: object) -> EnterAsk:
    """Two slices until the end of the hour, of which the last 20 minutes are still of use."""
    return ask(order, price, slices=2, until=END, min_minutes=20, contract="con", **given)  # type: ignore[arg-type]  # words of the factory


def test_a_guest_of_all_slices_until_just_the_end_gets_it_and_nothing_of_it_is_left() -> None:
    wanted = bid("b", slices=2, duration=40, start_from=SOON, start_by=SOON + 30)
    assert play(rest(), wanted) == [
        Trade("b", "rest", 100, SOON + 20, END, 1, 2, "bid"),
        Done("rest", "filled", "fully_filled"),
        Done("b", "filled", "fully_filled"),
    ]
    assert [trade.start for trade in trades(wanted, rest())] == [SOON + 20]


def test_no_other_guest_gets_it() -> None:
    offer = rest()
    assert trades(offer, bid("fewer slices", slices=1, duration=40, start_by=END)) == []
    assert trades(offer, bid("starts too early", slices=2, duration=40, start_by=SOON + 19)) == []
    assert trades(offer, bid("starts too late", slices=2, duration=40, start_from=SOON + 21, start_by=END)) == []
    assert trades(offer, bid("longer", slices=2, duration=61, start_by=END)) == []
    assert trades(offer, bid("too short", slices=2, duration=19, start_by=END)) == []
    assert trades(offer, bid("cheaper", 99, slices=2, duration=40, start_by=END)) == []
    elsewhere = rest(deliverer="mallory")
    assert trades(elsewhere, bid("avoids", slices=2, duration=40, start_by=END, avoid=("mallory",))) == []


def test_one_guest_of_a_bid_for_several_and_the_others_elsewhere() -> None:
    wanted = bid("b", guests=3, slices=2, duration=40, start_by=SOON + 20)
    node = ask("node", 101, slices=4, until=END)
    assert partners(rest(), node, wanted) == ["rest"]
    assert partners(rest(), node, bid("b", 101, guests=3, slices=2, duration=40, start_by=SOON + 20, tif="fok")) == [
        "rest",
        "node",
    ]


def test_its_place_is_that_of_its_price_and_time() -> None:
    wanted = bid("b", slices=2, duration=60)
    nodes = [ask(name, slices=2, until=END) for name in ("before", "after")]
    assert partners(nodes[0], rest(), nodes[1], wanted) == ["before"]
    assert partners(rest(), *nodes, wanted) == ["rest"]
    assert partners(*nodes, rest(price=99), wanted) == ["rest"]


def test_it_expires_when_less_than_the_shortest_contract_is_left() -> None:
    assert ends(rest(), amend("rest", minute=END - 21, slices=1)) == []
    assert ends(rest(), amend("rest", minute=END - 20, slices=1)) == [("rest", "expired", "window_passed")]
    assert ends(rest(start=END - 19)) == [("rest", "rejected", "window_unservable")]
    assert ends(rest(start=END + 5)) == [("rest", "rejected", "window_unservable")]


def test_it_takes_nothing_of_the_node_and_another_price_but_no_other_size() -> None:
    shard = Shard("z")
    shard.apply(rest())
    assert shard.snapshot()["load"] == []
    assert shard.cheapest_ask("z.std.firm") is None, "nobody can replace a guest of another size by it"
    assert play(rest(), amend("rest", slices=1)) == []
    wanted = bid("b", 90, slices=2, duration=60)
    assert [trade.price_micros for trade in trades(rest(), wanted, amend("rest", price=80))] == [90]


def test_a_snapshot_keeps_it() -> None:
    shard = Shard("z")
    shard.apply(rest(deliverer="p"))
    again = Shard.restored("z", shard.snapshot())
    assert again.state_hash() == shard.state_hash()
    wanted = bid("b", slices=2, duration=40, start_by=END)
    assert again.apply(wanted) == shard.apply(wanted) != []
