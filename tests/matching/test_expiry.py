from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import matching.expiry
from matching.auditor.twin import Twin
from matching.commands import Command
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, ask, bid, cancel
from tests.matching.histories import histories


@given(histories(), st.integers(0, 30))
def test_a_schedule_that_is_swept_after_every_command_forgets_nobody(history: list[Command], taken_back: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching.expiry, "_FEWEST_SWEPT", 0)
        shard, twin = Shard("z"), Twin()
        for number, command in enumerate(history):
            if number == taken_back:
                mark = shard.mark()
                for later in history[number:]:
                    shard.apply(later)
                shard.take_back(mark)
            assert shard.apply(command) == twin.apply(command)
            shard.forget()
            earliest = min((holding.over_from for holding in twin.open), default=None)
            assert shard.next_expiry() == (None if earliest is None else max(earliest, shard.minute))


def test_what_left_long_ago_is_not_kept_until_it_would_have_expired() -> None:
    shard = Shard("z")
    schedule = shard._floor.schedule
    for number in range(5_000):
        shard.apply(bid(f"b{number}", start_by=SOON + number % 7))
        shard.apply(cancel(f"b{number}"))
        shard.forget()
        assert sum(len(bucket) for bucket in schedule.buckets.values()) <= 1_000
    shard.apply(ask("a", minute=NOW))
    assert shard.next_expiry() == SOON + 59
