"""The plain stream: orders without windows, such as every order book takes, from a fixed seed.

60 % limit orders, of which a fifth cross the best price of the other side; 30 % cancels, each of an order that rests;
10 % immediate-or-cancel orders that cross. Prices are whole ticks, sizes whole numbers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from bench.plain_book import PlainBook

_SEED = 7
_MIDDLE = 10_000
_FARTHEST = 100
_LARGEST = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """A limit order or, with `is_ioc`, an immediate-or-cancel one; a cancel of order `order` where `size` is 0."""

    order: int
    is_bid: bool
    price: int
    size: int
    is_ioc: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What a stream traded. Engines with the same rule have the same."""

    trades: int
    size: int
    value: int


@cache
def operations(count: int) -> tuple[Operation, ...]:
    """The first so many of the stream. Order ids count from 1."""
    draw, book, made = random.Random(_SEED), PlainBook(), list[Operation]()
    resting: list[int] = []
    while len(made) < count:
        kind = draw.random()
        if kind < 0.3:
            if (order := _pick(draw, book, resting)) is not None:
                book.cancel(order)
                made.append(Operation(order, is_bid=False, price=0, size=0, is_ioc=False))
            continue
        order, is_bid, is_ioc = len(made) + 1, draw.random() < 0.5, kind < 0.4
        crosses = is_ioc or draw.random() < 0.2
        price = _crossing_price(draw, book, is_bid) if crosses else _passive_price(draw, book, is_bid)
        operation = Operation(order, is_bid, price, draw.randint(1, _LARGEST), is_ioc)
        book.enter(order, -1 if is_bid else 1, price, operation.size, rests=not is_ioc)
        if order in book.resting:
            resting.append(order)
        made.append(operation)
    return tuple(made)


def _pick(draw: random.Random, book: PlainBook, resting: list[int]) -> int | None:
    while resting:
        index = draw.randrange(len(resting))
        resting[index], resting[-1] = resting[-1], resting[index]
        if (order := resting.pop()) in book.resting:
            return order
    return None


def _crossing_price(draw: random.Random, book: PlainBook, is_bid: bool) -> int:
    sign = 1 if is_bid else -1  # of the other side
    best = sign * book.keys[sign][0] if book.keys[sign] else _MIDDLE
    return best + sign * draw.randint(0, 3)


def _passive_price(draw: random.Random, book: PlainBook, is_bid: bool) -> int:
    sign = 1 if is_bid else -1
    best = sign * book.keys[sign][0] if book.keys[sign] else _MIDDLE + sign
    price = min(best - 1, _MIDDLE) if is_bid else max(best + 1, _MIDDLE)
    return price - sign * draw.randint(0, _FARTHEST)
