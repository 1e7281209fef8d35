"""Random histories: small windows, few prices, participants who meet themselves, and every attribute of an order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from matching.commands import (
    Amend,
    Cancel,
    Command,
    EnterAsk,
    EnterBid,
    EnterGroup,
    EnterLinkedAsk,
    InstrumentMode,
    SelfTradePrevention,
    Tick,
    TimeInForce,
)
from tests.matching.factories import ask, bid

HISTORIES = int(os.environ.get("NESTEX_HISTORIES", "100"))
"""Random histories that the widest tests look at; `NESTEX_HISTORIES=10000` for the long run."""
REACH = 30
"""No window of a history reaches further ahead than so many minutes."""
NODES = ("n1", "n2")
LONGEST = 40
"""Commands of the longest history."""
ALONE = "bbbbbaaaaammmct"
"""What happens to orders of their own: bids, asks, amendments, cancels, and time."""
TOGETHER = "gglll"
"""Exclusive groups, and linked asks."""

T = TypeVar("T")

INSTRUMENTS = ("z.std.firm", "z.std.firm", "z.std.firm", "z.mem.firm")
BUYERS = ("p1", "p2", "p3", "p4", "p5")
SELLERS = ("p2", "p3", "p4", "p5", "p6")
TIMES_IN_FORCE: tuple[TimeInForce, ...] = ("gtc", "gtc", "gtc", "gtc", "gtd", "ioc", "fok")
MODES: st.SearchStrategy[InstrumentMode] = st.sampled_from((*["open"] * 12, "post_only", "cancel_only", "halted"))
PREVENTION: tuple[SelfTradePrevention, ...] = ("cancel_taker", "cancel_maker", "cancel_both")


@st.composite
def histories(draw: st.DrawFn, kinds: str = ALONE + TOGETHER) -> list[Command]:
    """Commands with rising minutes; orders are o0, o1 and so on, by the place of their entry."""
    commands: list[Command] = []
    minute, entered = 0, 0
    for _ in range(draw(st.integers(4, LONGEST))):
        minute += draw(st.sampled_from((0, 0, 0, 0, 1, 5)))
        kind = draw(st.sampled_from(kinds))
        known = f"o{draw(st.integers(0, entered))}"
        if kind == "t":
            commands.append(Tick(minute))
        elif kind == "c":
            commands.append(Cancel(minute, known, "requested"))
        elif kind == "m":
            commands.append(draw(amendments(known, minute)))
        else:
            entering: dict[str, Callable[[int, int], st.SearchStrategy[Command]]]
            entering = {"b": bids, "a": asks, "g": groups, "l": linked_asks}
            commands.append(draw(entering[kind](entered, minute)))
            entered += len(entries_of(commands[-1]))
    return commands


def entries_of(command: Command) -> tuple[EnterBid | EnterAsk, ...]:
    """The orders that the command enters."""
    if isinstance(command, EnterGroup):
        return command.bids
    if isinstance(command, EnterLinkedAsk):
        return (command.ask,)
    return (command,) if isinstance(command, EnterBid | EnterAsk) else ()


@st.composite
def groups(draw: st.DrawFn, index: int, minute: int) -> EnterGroup:
    entries = [draw(bids(number, minute)) for number in range(index, index + draw(st.integers(2, 4)))]
    return EnterGroup(minute, tuple(replace(entry, participant=entries[0].participant) for entry in entries))


def linked_asks(index: int, minute: int) -> st.SearchStrategy[EnterLinkedAsk]:
    """In two slice classes, of nodes that offer six slices of the one or four of the other."""
    of_nodes = asks(index, minute).map(lambda entry: replace(entry, contract=None, deliverer=None))
    return of_nodes.map(lambda entry: EnterLinkedAsk(minute, entry, 8, 12, 18))


def bids(index: int, minute: int) -> st.SearchStrategy[EnterBid]:
    return st.builds(
        lambda start, slack, good, **given: bid(
            f"o{index}",
            minute=minute,
            start_from=minute + start,
            start_by=minute + start + slack,
            expires_at=minute + good,
            **given,
        ),
        start=st.integers(0, 5),
        slack=st.integers(-1, 10),
        good=st.integers(0, 8),
        price=st.integers(3, 6),
        participant=st.sampled_from(BUYERS),
        instrument=st.sampled_from(INSTRUMENTS),
        guests=st.integers(1, 5),
        slices=st.integers(1, 3),
        duration=st.integers(1, 6),
        tif=st.sampled_from(TIMES_IN_FORCE),
        post_only=seldom(True, False),
        stp=st.sampled_from(PREVENTION),
        nodes=seldom((NODES[0],), ()),
        avoid=seldom(SELLERS[:2], ()),
        reliability=seldom(500_000, 0),
        mode=MODES,
    )


def asks(index: int, minute: int) -> st.SearchStrategy[EnterAsk]:
    return st.builds(
        lambda start, length, good, **given: ask(
            f"o{index}",
            minute=minute,
            start=minute + start,
            until=minute + start + length,
            expires_at=minute + good,
            **given,
        ),
        start=st.integers(-2, 4),
        length=st.integers(2, 18),
        good=st.integers(0, 8),
        price=st.integers(2, 5),
        participant=st.sampled_from(SELLERS),
        instrument=st.sampled_from(INSTRUMENTS),
        node=st.sampled_from(NODES),
        slices=st.integers(1, 8),
        min_minutes=st.integers(1, 4),
        tif=st.sampled_from(TIMES_IN_FORCE),
        vector=st.sampled_from(((1, 2, 3), (2, 0, 1))),
        post_only=seldom(True, False),
        stp=st.sampled_from(PREVENTION),
        reliability=st.sampled_from((499_999, 500_000)),
        mode=MODES,
        contract=seldom("con", None),
        deliverer=st.sampled_from((None, SELLERS[0])),
    )


def amendments(order: str, minute: int) -> st.SearchStrategy[Amend]:
    return st.one_of(
        st.builds(Amend, st.just(minute), st.just(order), guests=st.integers(1, 4)),
        st.builds(Amend, st.just(minute), st.just(order), slices=st.integers(1, 7)),
        st.builds(Amend, st.just(minute), st.just(order), price_micros=st.integers(2, 6), mode=MODES),
    )


def seldom(rare: T, common: T) -> st.SearchStrategy[T]:
    return st.sampled_from((common, common, common, common, common, rare))
