from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matching.book import Book, BookSide
from matching.orders import Ask, Bid, Order
from tests.matching.factories import ask, bid

prices = st.lists(st.integers(1, 6), max_size=12)


def orders_on(side: BookSide) -> list[Order]:
    return [order for _, level in side for order in level.values()]


def insert(order: Order) -> None:
    side, price = order.side, order.price_micros
    (side.levels.get(price) or side.add_level(price))[order.priority] = order


@given(prices, st.data())
def test_both_sides_are_in_price_time_order_whatever_came_and_went(entered: list[int], data: st.DataObject) -> None:
    book = Book()
    bids = [Bid(bid(f"b{index}", price), book.bids) for index, price in enumerate(entered)]
    asks = [Ask(ask(f"a{index}", price), book.asks) for index, price in enumerate(entered)]
    entered_orders: list[Order] = [*bids, *asks]
    for priority, order in enumerate(entered_orders):
        order.priority = priority
        insert(order)
    gone = data.draw(st.lists(st.sampled_from(entered_orders), unique=True)) if entered else []
    for order in gone:
        del order.side.levels[order.price_micros][order.priority]
        if not order.side.levels[order.price_micros]:
            order.side.drop_level(order.price_micros)
    back = gone[::2]
    for order in back:
        insert(order)
        order.side.sort_level(order.price_micros)
    left = [order for order in entered_orders if order not in gone or order in back]
    best_bids = sorted((order for order in left if isinstance(order, Bid)), key=lambda order: -order.price_micros)
    best_asks = sorted((order for order in left if isinstance(order, Ask)), key=lambda order: order.price_micros)
    assert orders_on(book.bids) == best_bids
    assert orders_on(book.asks) == best_asks
    assert [level.price_micros for level in book.depth(0).bids] == sorted({o.price_micros for o in best_bids})[::-1]
    assert [level.orders for level in book.depth(0).asks] == [
        sum(order.price_micros == price for order in best_asks) for price in sorted({o.price_micros for o in best_asks})
    ]
