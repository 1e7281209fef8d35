from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matching.book import Book
from matching.orders import Ask, Bid, Order
from tests.matching.factories import ask, bid

prices = st.lists(st.integers(1, 6), max_size=12)


def test_orders_that_leave_while_levels_are_read_do_not_hide_others() -> None:
    book = Book()
    orders = [Ask(ask(f"a{index}", price), index) for index, price in enumerate([1, 1, 2, 3, 3])]
    for order in orders:
        book.insert(order)
    seen = []
    for level in book.asks.crossing(3):
        for order in level:
            seen.append(order)
            if order.priority != 3:
                book.remove(order)
    assert seen == orders
    assert [order.priority for level in book.asks.crossing(9) for order in level] == [3]


@given(prices, st.integers(1, 6), st.data())
def test_both_sides_are_in_price_time_order_whatever_came_and_went(
    entered: list[int], limit: int, data: st.DataObject
) -> None:
    book = Book()
    bids = [Bid(bid(f"b{index}", price), index) for index, price in enumerate(entered)]
    asks = [Ask(ask(f"a{index}", price), index) for index, price in enumerate(entered)]
    entered_orders: list[Order] = [*bids, *asks]
    for order in entered_orders:
        book.insert(order)
    gone = data.draw(st.lists(st.sampled_from(entered_orders), unique=True)) if entered else []
    for order in gone:
        book.remove(order)
    back = gone[::2]
    for order in back:
        book.insert(order)
    left = [order for order in entered_orders if order not in gone or order in back]
    best_bids = sorted((order for order in left if isinstance(order, Bid)), key=lambda order: -order.price_micros)
    best_asks = sorted((order for order in left if isinstance(order, Ask)), key=lambda order: order.price_micros)
    assert [order for level in book.bids.crossing(limit) for order in level] == [
        order for order in best_bids if order.price_micros >= limit
    ]
    assert [order for level in book.asks.crossing(limit) for order in level] == [
        order for order in best_asks if order.price_micros <= limit
    ]
    assert [level.price_micros for level in book.depth(0).bids] == sorted({o.price_micros for o in best_bids})[::-1]
