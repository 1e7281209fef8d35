"""The rules that join the books with orders and contracts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from billing import invariants
from market.books_check import SHARED_GUESTS
from tests.market.engine.growing import Growing
from tests.market.engine.resold import Resold
from tests.market.factories import World


def grown(world: World) -> None:
    assert Growing(world).rescale(5)[0].problem is None


def resold(world: World) -> None:
    deal = Resold(world)
    deal.engine.process([deal.offer(deal.traders[0], deal.first, 100), deal.bid(deal.traders[1], 40)])


@pytest.mark.parametrize("share", [grown, resold])
def test_a_guest_that_delivers_another_contract_than_was_bought_so_is_found(
    world: World, share: Callable[[World], None]
) -> None:
    share(world)
    for change in (
        "DELETE FROM delivered_by",
        "UPDATE delivered_by SET from_minute = from_minute + 1",
        "UPDATE delivered_by SET until_minute = until_minute - 1",
        "UPDATE delivered_by SET contract_id = by_contract_id, by_contract_id = contract_id",
        "UPDATE contract SET grows = NULL, resold_from = NULL",
    ):
        with world.begin() as connection:
            assert invariants.check(connection, [SHARED_GUESTS]) == []
            connection.execute(text(change))
            assert invariants.check(connection, [SHARED_GUESTS]) != [], change
            connection.rollback()
