"""Reads of the committed books, answered by the engine between two batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from common import codec
from common.errors import InvalidInput
from market.engine.explanation import explain
from market.engine.state import EngineState
from matching.commands import EnterBid
from matching.events import Trade

MOST_LEVELS = 200
"""Prices of a side that are told, the best ones."""
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
    kind: Literal["book"] = "book"


@dataclass(frozen=True, slots=True)
class OrderQuestion:
    """Why the order does not trade."""

    order: str
    kind: Literal["order"] = "order"


@dataclass(frozen=True, slots=True)
class LoadQuestion:
    """How many calls wait for the engine: `waiting_calls`. Answered at once, beside the batches."""

    kind: Literal["load"] = "load"


Question = BookQuestion | OrderQuestion | LoadQuestion

_KINDS: dict[str, type[Any]] = {"book": BookQuestion, "order": OrderQuestion, "load": LoadQuestion}


def question_from_json(value: Any) -> Question:
    """The question in parsed JSON. Raises InvalidInput (`message_malformed`)."""
    kind = _KINDS.get(str(value.get("kind"))) if isinstance(value, dict) else None
    if kind is None:
        raise InvalidInput("message_malformed", "this is no question for the engine", field="kind")
    question: Question = codec.from_json(kind, value)
    return question


def answer(state: EngineState, question: BookQuestion | OrderQuestion, minute: int) -> dict[str, Any]:
    """Of a book its depth, with a duration also `executable`; of an order its `variants`, None when it is not open."""
    if isinstance(question, OrderQuestion):
        return {"variants": explain(state, question.order, minute)}
    levels = depth(state, question.instrument)
    if question.duration_minutes is None:
        return levels
    return levels | {"executable": executable(state, question, minute)}


def depth(state: EngineState, instrument: str) -> dict[str, Any]:
    """The best price levels, best first: `[price_micros, slices]`. For bids, slices of guests still wanted; for asks,
    the most slices that stand free at some minute."""
    levels = state.shard.depth(instrument)
    return {
        "bids": [[level.price_micros, level.slices] for level in levels.bids[:MOST_LEVELS]],
        "asks": [[level.price_micros, level.slices] for level in levels.asks[:MOST_LEVELS]],
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
    return [[price, number] for price, number in list(guests.items())[:MOST_LEVELS]]
