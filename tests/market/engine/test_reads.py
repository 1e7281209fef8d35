from __future__ import annotations

from market.engine.reads import BookQuestion, answer
from tests.market.factories import CODE, World, order


def test_what_could_execute_is_told_by_price_and_changes_nothing(world: World) -> None:
    provider, buyer = world.provider(), world.participant(5_000_000)
    node = world.node(provider, vcpus=16)
    engine = world.engine()
    short = {"available_until": world.minute + 20}
    for price, slices, window in ((150, 3, {}), (150, 2, {}), (120, 1, {}), (100, 4, short), (300, 2, {})):
        order(engine.process([world.ask(provider, node, price_micros=price, slices=slices, **window)]))
    order(engine.process([world.bid(buyer, price_micros=90, start_by=world.minute + 9)]))
    before = engine.state.shard.state_hash()

    def executable(*guests: int | None) -> object:
        start, duration, slices = guests
        question = BookQuestion(CODE, start, duration, slices or 1)
        return answer(engine.state, question, world.minute).get("executable")

    assert executable(None, 60, 1) == [[120, 1], [150, 5], [300, 2]]
    assert executable(None, 60, 2) == [[150, 2], [300, 1]]
    assert executable(None, 19, 1) == [[100, 4], [120, 1], [150, 5], [300, 2]]
    assert executable(world.minute + 2, 19, 4) == []
    assert executable(world.minute - 5, 19, 1) == []
    assert executable(None, None, 1) is None
    assert engine.state.shard.state_hash() == before
