"""The auditor of the auction agrees with the book, and finds every single change of what the book did."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from matching.auditor.auction import AuctionAuditor
from matching.auditor.difference import Difference
from matching.auditor.fairness import check_crossing, check_precedence
from matching.auditor.holding import new_holding
from matching.auditor.twin import Twin
from matching.commands import Command, EnterAsk, EnterBid, Tick
from matching.events import Event, Trade
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, amend, ask, bid, cancel
from tests.matching.histories import HISTORIES, histories

STORY: tuple[Command, ...] = (
    ask("a1", 100, slices=4),
    ask("a2", 90, slices=2, participant="other"),
    bid("b1", 110, guests=3, slices=1),
    bid("b2", 80, guests=2, start_by=SOON + 30, duration=20),
    amend("b2", guests=1),
    amend("b2", price=100),
    bid("b3", 100, guests=9, tif="fok"),
    bid("b4", 100, guests=9, tif="ioc"),
    bid("b5", 50, start_by=SOON + 5),
    cancel("b5"),
    amend("a1", price=1, mode="halted"),
    ask("a3", 200, tif="gtd", expires_at=NOW + 2),
    Tick(NOW + 3),
)


def claims() -> list[list[Event]]:
    """What the book makes of the story, command by command."""
    shard = Shard("z")
    return [shard.apply(command) for command in STORY]


def audit(claimed: list[list[Event]]) -> None:
    auditor = AuctionAuditor()
    for command, events in zip(STORY, claimed, strict=True):
        auditor.check(command, events)
    auditor.check_all_pairs()


def changed_claims() -> Iterator[tuple[str, list[list[Event]]]]:
    """The claims with one change: an event that is gone, doubled, or late, or one of its fields."""
    for place, events in enumerate(claims()):
        for index, event in enumerate(events):
            name = f"{place}.{index} {type(event).__name__}"
            rest = events[:index], events[index + 1 :]
            changes: dict[str, list[Event]] = {"dropped": [], "doubled": [event, event]}
            for field in dataclasses.fields(event):
                value = getattr(event, field.name)
                for other in (value + 1, value - 1) if isinstance(value, int) else (f"{value}x",):
                    changes[f"{field.name} {other}"] = [_altered(event, field.name, other)]
            for change, instead in changes.items():
                yield f"{name} {change}", _with(place, [*rest[0], *instead, *rest[1]])
            if rest[1]:
                yield f"{name} after the next", _with(place, [*rest[0], rest[1][0], event, *rest[1][1:]])
            elif place + 1 < len(STORY):
                later = _with(place, rest[0])
                later[place + 1] = [event, *later[place + 1]]
                yield f"{name} with the next command", later


def _altered(event: Any, field: str, value: int | str) -> Event:
    changed: Event = dataclasses.replace(event, **{field: value})
    return changed


def _with(place: int, events: list[Event]) -> list[list[Event]]:
    changed = claims()
    changed[place] = events
    return changed


CHANGED = dict(changed_claims())


def test_the_story_is_true_and_has_every_event() -> None:
    audit(claims())
    assert {type(event).__name__ for events in claims() for event in events} == {"Amended", "Trade", "Done"}
    assert max(len(events) for events in claims()) > 2


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_of_what_the_book_did_is_found(name: str) -> None:
    with pytest.raises(Difference):
        audit(CHANGED[name])


@settings(max_examples=HISTORIES)
@given(histories())
def test_book_and_auditor_agree_on_random_histories(history: list[Command]) -> None:
    shard, auditor = Shard("z"), AuctionAuditor()
    for command in history:
        auditor.check(command, shard.apply(command))
        auditor.check_all_pairs()


def twin_of(*entries: EnterBid | EnterAsk) -> Twin:
    """Orders that rest, in this order, whatever the rule says."""
    twin = Twin()
    twin.minute = NOW
    for place, entry in enumerate(entries):
        holding = new_holding(entry)
        holding.place = place
        twin.open.append(holding)
    return twin


@pytest.mark.parametrize(
    ("passed", "met"),
    [
        (ask("better", 90), ask("met", 100)),
        (ask("earlier", 100), ask("met", 100)),
    ],
)
def test_an_order_that_was_passed_over_is_found(passed: EnterAsk, met: EnterAsk) -> None:
    twin = twin_of(passed, met)
    known = {holding.entry.order: holding for holding in twin.open}
    trade = Trade("b", "met", 100, SOON, SOON + 60, 1, 1, "bid")
    with pytest.raises(Difference, match=passed.order):
        check_precedence(new_holding(bid("b")), [trade], known, twin)
    twin.open.remove(known[passed.order])
    check_precedence(new_holding(bid("b")), [trade], known, twin)


def test_trades_out_of_price_time_order_are_found() -> None:
    twin = twin_of(ask("first", 90), ask("second", 100))
    known = {holding.entry.order: holding for holding in twin.open}
    twin.open.clear()
    trades = [Trade("b", name, 100, SOON, SOON + 60, 1, 1, "bid") for name in ("second", "first")]
    with pytest.raises(Difference, match="first comes before"):
        check_precedence(new_holding(bid("b", guests=2)), trades, known, twin)


def test_an_order_that_rests_beside_one_that_it_could_trade_with_is_found() -> None:
    twin = twin_of(ask("a"), bid("b"), bid("low", 99))
    check_crossing("low", twin)
    with pytest.raises(Difference, match="b is left on the book beside a"):
        check_crossing("b", twin)
