"""The plain book of `bench.plain_book` on the plain stream."""

from __future__ import annotations

from collections.abc import Callable

from bench.plain_book import PlainBook
from bench.plain_stream import Tally, operations


def prepare(size: int) -> Callable[[], Tally]:
    """Calls with plain arguments."""
    book = PlainBook()
    calls = [
        (operation.order, -1 if operation.is_bid else 1, operation.price, operation.size, not operation.is_ioc)
        for operation in operations(size)
    ]

    def run() -> Tally:
        trades = traded = value = 0
        for order, sign, price, wanted, rests in calls:
            if not wanted:
                book.cancel(order)
                continue
            for _, at, part in book.enter(order, sign, price, wanted, rests=rests):
                trades += 1
                traded += part
                value += at * part
        return Tally(trades, traded, value)

    return run
