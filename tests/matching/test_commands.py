from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common.codec import decode, encode, from_json, to_json
from common.errors import InvalidInput
from matching.commands import Amend, Cancel, Tick
from matching.events import ORDER_STATES, REASONS
from tests.matching.factories import amend, ask, bid, cancel


@pytest.mark.parametrize(
    "command",
    [
        bid("b"),
        bid(
            "b",
            tif="gtd",
            expires_at=5,
            post_only=True,
            stp="cancel_both",
            nodes=("n", "m"),
            avoid=("p",),
            reliability=1,
        ),
        ask("a"),
        ask("a", tif="fok", expires_at=5, post_only=True, stp="cancel_maker", reliability=7),
        amend("a", guests=2),
        amend("a", price=2),
        cancel("b"),
        Tick(5),
    ],
)
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


def test_entries_of_before_there_were_these_attributes_mean_what_they_meant() -> None:
    for entry, attributes in ((bid("b"), 6), (ask("a"), 4)):
        old = dict(list(to_json(entry).items())[:-attributes])
        assert "time_in_force" in old
        assert from_json(type(entry), old) == entry


def test_good_till_a_date_needs_the_date() -> None:
    for entry in (bid("b"), ask("a")):
        with pytest.raises(InvalidInput) as caught:
            replace(entry, time_in_force="gtd")
        assert (caught.value.code, caught.value.field) == ("missing_field", "expires_at")


def test_reliability_is_not_negative() -> None:
    with pytest.raises(InvalidInput, match="min_reliability_ppm"):
        bid("b", reliability=-1)
    with pytest.raises(InvalidInput, match="reliability_ppm"):
        ask("a", reliability=-1)


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"guests": 1, "price_micros": 1},
        {"slices": 1, "price_micros": 1},
        {"guests": 0},
        {"slices": -1},
        {"price_micros": 0},
    ],
)
def test_an_amendment_names_one_thing_of_at_least_one(named: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Amend(1, "a", **named)
    assert caught.value.code == "invalid_field"


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
