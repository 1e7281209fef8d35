from __future__ import annotations

from pathlib import Path

import pytest

from common import codec
from common.errors import Conflict
from common.wire import GuestStatus
from provisioner.desired import accept
from provisioner.guest import Uptime
from provisioner.steps import Step, take_steps
from provisioner.store import Store
from tests.provisioner.factories import NODE, allocation, contract, new_store


def _told(store: Store) -> list[str]:
    return [codec.decode(GuestStatus, payload).state for _id, payload in store.statuses(100)]


def test_a_step_is_stored_together_with_the_message_that_tells_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation()], now_ms=0)
    take_steps(store, [Step(contract(), 1, "failed", 7, reason="no room")])
    assert store.guests()[contract()].state == "failed"
    _id, payload = store.statuses(100)[-1]
    assert codec.decode(GuestStatus, payload) == GuestStatus(NODE, contract(), 1, "failed", 7, "no room")


def test_a_step_that_the_table_does_not_have_is_refused_with_all_that_came_with_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation()], now_ms=0)
    with pytest.raises(Conflict, match="from preparing to ready"):
        take_steps(store, [Step(contract(), 1, "preparing", 7), Step(contract(), 1, "ready", 7, instance="a:1")])
    assert store.guests()[contract()].state == "accepted"
    assert _told(store) == ["accepted"]
    assert store.uptimes(contract()) == []


def test_uptime_begins_when_the_guest_is_ready_not_when_it_runs(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation()], now_ms=0)
    take_steps(store, [Step(contract(), 1, state, 5) for state in ("preparing", "starting")])
    take_steps(store, [Step(contract(), 1, "running", 6, instance="a:1")])
    assert store.uptimes(contract()) == []
    take_steps(store, [Step(contract(), 1, "ready", 9, instance="a:1")])
    assert store.uptimes(contract()) == [Uptime("a:1", 9, 9)]
    record = store.guests()[contract()]
    assert (record.instance, record.epoch) == ("a:1", 6)


def test_what_happens_to_an_orphan_is_told_without_a_record_of_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    take_steps(store, [Step(contract(), 3, "removed", 7)])
    assert _told(store) == ["removed"]
    assert store.guests() == {}
