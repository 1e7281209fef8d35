"""An offer that nobody wants is one that was there to be wanted."""

from __future__ import annotations

from billing.deposits import deposit
from market.engine.commands import CancelOrder
from market.tables import node
from tests.market.factories import World
from tests.market.reseller.shop import PROVIDER_CASH, Shop


def test_minutes_in_which_nothing_was_offered_are_not_in_vain(world: World) -> None:
    shop = Shop(world, strategy="zip", cash=0)

    def complains() -> bool:
        return "has found nobody" in " ".join(shop.kept().said)

    shop.turn(20)
    with world.begin() as connection:
        deposit(connection, shop.provider, PROVIDER_CASH, "later", world.real.micros)
    shop.turn(7)
    assert len(shop.offers()) == 1
    with world.begin() as connection:
        connection.execute(node.update().values(state="lost"))
    shop.engine.processor.process([CancelOrder(offer["id"], shop.provider) for offer in shop.offers()])
    shop.turn(20)
    with world.begin() as connection:
        connection.execute(node.update().values(state="online"))
    shop.turn(2)
    assert not complains(), "it has been offered for seven minutes in all"
    shop.turn()
    assert complains()
    shop.buy(slices_per_guest=8, duration_minutes=20, start_from=world.minute + 1)
    shop.turn(20)
    assert not complains(), "all of it was sold"
    shop.turn(7)
    assert not complains()
    shop.turn()
    assert complains()
