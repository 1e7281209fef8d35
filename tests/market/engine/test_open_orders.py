from __future__ import annotations

import pytest

from market.engine import batch_run
from tests.market.factories import World, code, order


def test_a_participant_has_only_so_many_open_orders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "MOST_OPEN_ORDERS", 2)  # the rule is the same at any number
    buyer, other = world.participant(9_000_000), world.participant(9_000_000)
    engine = world.engine()
    rest = {"start_by": world.minute + 9}
    made = [order(engine.process([world.bid(buyer, **rest)])) for _ in range(2)]
    assert code(engine.process([world.bid(buyer, **rest)])) == "too_many_open_orders"
    assert order(engine.process([world.bid(other, **rest)]))["state"] == "new"
    order(engine.process([world.cancel(made[0]["id"], buyer)]))
    assert order(engine.process([world.bid(buyer, **rest)]))["state"] == "new"


def test_orders_that_are_taken_back_count_no_more(world: World) -> None:
    buyer = world.participant(9_000_000)
    engine = world.engine()
    kept = order(engine.process([world.bid(buyer, start_by=world.minute + 9)]))["id"]
    state = engine.state
    record, mark = state.open[kept], state.open.mark()
    state.open.remove(record)
    assert (state.open.count(buyer), state.open.of(buyer), list(state.open)) == (0, [], [])
    state.open.take_back(mark)
    assert (state.open.count(buyer), state.open.of(buyer), state.open[kept]) == (1, [record], record)
