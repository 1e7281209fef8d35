"""An engine that was taken over while it stood still, and goes on: it answers nothing, and says why it ends."""

from __future__ import annotations

import pytest

from market.engine.fence import Fenced
from tests.market.factories import World, order


def test_it_is_fenced_although_its_successor_has_used_its_sequence_numbers(world: World) -> None:
    provider = world.provider()
    node = world.node(provider)
    overtaken, successor = world.engine("overtaken"), world.engine("successor")
    order(successor.process([world.ask(provider, node)]))
    with pytest.raises(Fenced):
        overtaken.process([world.ask(provider, node)])
    with pytest.raises(Fenced):
        overtaken.process([world.bid(world.participant(1_000_000))])


def test_it_is_fenced_although_its_memory_would_release_money_twice(world: World) -> None:
    buyer = world.participant(5_000_000)
    overtaken = world.engine("overtaken")
    bid = order(overtaken.process([world.bid(buyer)]))
    order(world.engine("successor").process([world.cancel(bid["id"], buyer)]))
    with pytest.raises(Fenced):
        overtaken.process([world.cancel(bid["id"], buyer)])
