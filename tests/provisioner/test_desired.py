from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import codec
from common.errors import InvalidInput, Refused
from common.wire import WIRE_VERSION, GuestStatus
from provisioner.desired import accept, read_allocation
from provisioner.store import Store
from tests.provisioner.factories import NODE, allocation, contract, new_store


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_duplicate_and_reordered_revisions_leave_the_newest(revisions: list[int]) -> None:
    store = Store(Path(":memory:"), NODE)
    newest = 0
    for revision in revisions:
        changed = accept(store, [allocation(end=20 + revision, revision=revision)], now_ms=0)
        assert changed == (revision > newest)
        newest = max(newest, revision)
    record = store.guest(contract())
    assert record is not None
    assert record.allocation == allocation(end=20 + newest, revision=newest)
    assert len(store.statuses(10)) == 1


def test_a_new_contract_is_told_to_the_market_as_accepted(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    assert accept(store, [allocation()], now_ms=5) == 1
    [(_id, payload)] = store.statuses(10)
    assert codec.decode(GuestStatus, payload) == GuestStatus(NODE, contract(), 1, "accepted", 5)


def test_a_newer_revision_keeps_what_the_guest_has_reached(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation()], now_ms=0)
    known = store.guests()[contract()]
    store.put_guest(replace(known, state="ready", instance="a:1", next_minute=13))
    accept(store, [allocation(revision=2, want="gone")], now_ms=0)
    expected = replace(
        known, state="ready", instance="a:1", next_minute=13, allocation=allocation(revision=2, want="gone")
    )
    assert store.guest(contract()) == expected


def test_a_guest_that_was_removed_and_is_wanted_again_is_made_anew(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation(10, 20)], now_ms=0)
    removed = replace(store.guests()[contract()], state="removed", instance="a:1", closed_ms=20 * 60_000)
    store.put_guest(removed)
    accept(store, [allocation(10, 25, revision=2)], now_ms=26 * 60_000)
    accept(store, [allocation(24, 40, revision=3, want="gone")], now_ms=22 * 60_000)
    assert store.guests()[contract()].state == "removed"
    again = allocation(24, 40, revision=4)
    accept(store, [again], now_ms=22 * 60_000)
    record = store.guests()[contract()]
    assert (record.state, record.instance, record.closed_ms, record.next_minute) == ("accepted", "", None, 24)
    assert record.allocation == again


def test_a_contract_is_reported_from_its_start_or_from_when_it_became_known(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation(10, 20), allocation(13, 20, number=2)], now_ms=12 * 60_000)
    assert store.guests()[contract(1)].next_minute == 12
    assert store.guests()[contract(2)].next_minute == 13


@pytest.mark.parametrize("change", [{"want": "fly"}, {"end": 10}, {"revision": "1"}])
def test_what_this_agent_cannot_obey_is_refused(change: dict[str, object]) -> None:
    message = codec.to_json(allocation()) | change
    with pytest.raises(InvalidInput):
        read_allocation(json.dumps(message).encode())
    assert read_allocation(codec.encode(allocation())) == allocation()


def test_what_means_more_than_this_agent_knows_is_not_taken_for_what_it_knows() -> None:
    newer = codec.to_json(allocation()) | {"version": WIRE_VERSION + 1, "kind": "licence"}
    with pytest.raises(Refused, match="upgraded"):
        read_allocation(json.dumps(newer).encode())
