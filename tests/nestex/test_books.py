from __future__ import annotations

from sqlalchemy import text

from nestex.books import first_difference
from tests.market.factories import World, order


def test_the_books_of_a_market_that_traded_are_right_and_a_wrong_reservation_is_found(world: World) -> None:
    buyer = world.participant(1_000_000)
    order(world.engine().process([world.bid(buyer, start_by=world.minute + 30)]))
    assert first_difference(world.database) is None
    with world.begin() as connection:
        connection.execute(text("UPDATE orders SET reserved_micros = reserved_micros - 1"))
    found = first_difference(world.database)
    assert found is not None
    assert buyer in found


def test_a_balance_that_was_changed_by_hand_is_found(world: World) -> None:
    buyer = world.participant(1_000_000)
    with world.begin() as connection:
        connection.execute(
            text("UPDATE ledger_account SET balance_micros = balance_micros + 1 WHERE id = :id"),
            {"id": f"{buyer}/cash"},
        )
    assert first_difference(world.database) is not None
