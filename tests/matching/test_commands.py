from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common.codec import decode, encode
from common.errors import InvalidInput
from matching.commands import Cancel, Tick
from matching.events import ORDER_STATES, REASONS
from tests.matching.factories import ask, bid, cancel


@pytest.mark.parametrize("command", [bid("b"), ask("a"), cancel("b"), Tick(5)])
def test_commands_survive_the_codec(command: Any) -> None:
    assert decode(type(command), encode(command)) == command


@pytest.mark.parametrize("field", ["price_micros", "guests", "slices_per_guest", "duration_minutes"])
def test_a_bid_has_sizes_of_at_least_one(field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(bid("b"), **{field: 0})  # type: ignore[arg-type] # all of these are integers
    assert (caught.value.code, caught.value.field, caught.value.limit) == ("invalid_field", field, 1)


@pytest.mark.parametrize("field", ["price_micros", "slices", "min_minutes"])
def test_an_ask_has_sizes_of_at_least_one(field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(ask("a"), **{field: 0})  # type: ignore[arg-type] # all of these are integers
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["slice_vcpus", "slice_memory_mib", "slice_disk_gib"])
def test_a_slice_takes_no_negative_resources(field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(ask("a"), **{field: -1})  # type: ignore[arg-type] # all of these are integers
    assert caught.value.field == field


@pytest.mark.parametrize("reason", ["fully_filled", "window_passed", "no such reason"])
def test_only_a_reason_to_cancel_cancels(reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Cancel(1, "a", reason)
    assert caught.value.field == "reason"


def test_every_reason_ends_an_order_in_a_terminal_state_that_an_entered_one_can_reach() -> None:
    assert {reason.state for reason in REASONS.values()} == ORDER_STATES.terminal
    assert all(ORDER_STATES.allows("new", reason.state) for reason in REASONS.values())


def test_an_order_that_has_traded_is_not_rejected() -> None:
    assert not ORDER_STATES.allows("partially_filled", "rejected")
