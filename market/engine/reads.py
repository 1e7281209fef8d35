"""Reads of the committed books, answered by the engine between two batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from market.engine.state import EngineState
from matching.commands import EnterBid
from matching.events import Trade

_EVERY_PRICE = 2**62
_MORE_GUESTS_THAN_FIT = 2**31
_NOBODY = ""
"""A participant that no order belongs to."""


@dataclass(frozen=True, slots=True)
class BookQuestion:
    """Which book; and, where the answer is to be for guests of one size and window, what guests. `start` is a minute,
    None the next one."""

    instrument: str
    start: int | None = None
    duration_minutes: int | None = None
    slices_per_guest: int = 1


def answer(state: EngineState, question: BookQuestion, minute: int) -> dict[str, Any]:
    """The book's depth; with a duration also `executable`."""
    levels = depth(state, question.instrument)
    if question.duration_minutes is None:
        return levels
    return levels | {"executable": executable(state, question, minute)}


def depth(state: EngineState, instrument: str) -> dict[str, Any]:
    """Price levels, best first: `[price_micros, slices]`. For bids, slices of guests still wanted; for asks, the most
    slices that stand free at some minute."""
    levels = state.shard.depth(instrument)
    return {
        "bids": [[level.price_micros, level.slices] for level in levels.bids],
        "asks": [[level.price_micros, level.slices] for level in levels.asks],
    }


def executable(state: EngineState, question: BookQuestion, minute: int) -> list[list[int]]:
    """What a bid for such guests without a price limit would trade now, best price first: `[price_micros, guests]`.

    It is applied to the books and taken back, so it tells the truth.
    """
    assert question.duration_minutes is not None
    now = max(minute, state.shard.minute)
    start = now + 1 if question.start is None else question.start
    bid = EnterBid(
        minute=now,
        order=_NOBODY,
        participant=_NOBODY,
        instrument=question.instrument,
        price_micros=_EVERY_PRICE,
        guests=_MORE_GUESTS_THAN_FIT,
        slices_per_guest=question.slices_per_guest,
        duration_minutes=question.duration_minutes,
        start_from=start,
        start_by=start,
        time_in_force="ioc",
    )
    mark = state.mark()
    try:
        trades = [event for event in state.shard.apply(bid) if isinstance(event, Trade)]
    finally:
        state.take_back(mark)
    guests: dict[int, int] = {}
    for trade in trades:
        guests[trade.price_micros] = guests.get(trade.price_micros, 0) + trade.guests
    return [[price, number] for price, number in guests.items()]
