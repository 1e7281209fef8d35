from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import matching.book
from matching.auditor.twin import Twin
from matching.blocks import Block
from matching.book import Book
from matching.commands import Command, EnterAsk, EnterBid
from matching.orders import Ask, Bid, Order
from matching.search import fit
from matching.shard import Shard
from tests.matching.factories import ask, bid
from tests.matching.histories import asks, bids, histories

Cut = tuple[int, int, int]
cuts = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 20), st.integers(1, 6)), max_size=5)


def resting(entries: Sequence[EnterBid | EnterAsk], made: list[list[Cut]]) -> list[Order]:
    """Orders on one side; of an ask, so many slices are sold from each of these minutes on, where it has them."""
    book, orders = Book(), list[Order]()
    for number, entry in enumerate(entries):
        order: Order = Ask(entry, book.asks) if isinstance(entry, EnterAsk) else Bid(entry, book.bids)
        order.priority, order.is_resting = number, True
        orders.append(order)
    cut(orders, made)
    return orders


def cut(orders: list[Order], made: list[list[Cut]]) -> None:
    for order, parts in zip(orders, made, strict=False):
        for slices, start, length in parts:
            if isinstance(order, Ask) and order.profile.lowest(start, start + length) >= slices:
                order.set_profile(order.profile.take(slices, start, start + length))


def check(block: Block, orders: list[Order], taker: Order, now: int) -> None:
    found = block.worth_a_look(taker, now + 1)
    assert found == [order for order in orders if order in found], "in time order"
    fitting = [order for order in orders if order.is_resting and fit(taker, order, now + 1) is not None]
    assert [order for order in found if fit(taker, order, now + 1) is not None] == fitting


@given(st.lists(asks(0, 0), min_size=1, max_size=8), st.lists(cuts, max_size=8), st.lists(cuts, max_size=8), st.data())
def test_a_block_of_asks_passes_over_none_that_fits(
    entries: list[EnterAsk], first: list[list[Cut]], later: list[list[Cut]], data: st.DataObject
) -> None:
    orders = resting(entries, first)
    block = Block(orders)
    for now in range(3):
        taker = Bid(data.draw(bids(1, now)), Book().bids)
        check(block, orders, taker, now)
        cut(orders, later)
        check(block, orders, taker, now)
        gone = data.draw(st.sampled_from(orders))
        gone.is_resting = False
        check(block, orders, taker, now)


@given(st.lists(bids(0, 0), min_size=1, max_size=8), asks(1, 0), cuts, cuts, st.data())
def test_a_block_of_bids_passes_over_none_that_fits(
    entries: list[EnterBid], entry: EnterAsk, first: list[Cut], later: list[Cut], data: st.DataObject
) -> None:
    orders = resting(entries, [])
    block, taker = Block(orders), Ask(entry, Book().asks)
    for now, parts in enumerate(([], first, later)):
        cut([taker], [parts])
        check(block, orders, taker, now)
        gone = data.draw(st.sampled_from(orders))
        gone.is_resting = False
        check(block, orders, taker, now)


def test_a_block_passes_over_most_that_do_not_fit() -> None:
    sold_early = [[(1, 5, 15)]] * 8
    orders = resting([ask(f"a{number}", start=1, until=41) for number in range(8)], sold_early)
    block = Block(orders)
    assert block.worth_a_look(Bid(bid("early", duration=6, start_from=8, start_by=8), Book().bids), 1) == []
    assert block.worth_a_look(Bid(bid("late", duration=6, start_from=25, start_by=25), Book().bids), 1) == orders


def test_an_order_that_came_back_at_another_place_is_passed_over() -> None:
    orders = resting([ask("a", start=1, until=41), ask("b", start=1, until=41)], [])
    block, taker = Block(orders), Bid(bid("late", duration=6, start_from=25, start_by=25), Book().bids)
    orders[0].priority = 9
    assert block.worth_a_look(taker, 1) == orders[1:]


@given(histories(), st.integers(0, 30), st.integers(1, 3))
def test_a_book_that_always_makes_blocks_does_what_the_slow_reading_does(
    history: list[Command], taken_back: int, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching.book, "_PATIENCE", 0)
        patch.setattr(matching.book, "_PATIENCE_AGAIN", 0)
        patch.setattr(matching.book, "_SMALLEST", 1)
        patch.setattr(matching.book, "BLOCK", size)
        shard, twin = Shard("z"), Twin()
        for number, command in enumerate(history):
            if number == taken_back:
                mark = shard.mark()
                for later in history[number:]:
                    shard.apply(later)
                shard.take_back(mark)
            assert shard.apply(command) == twin.apply(command)
