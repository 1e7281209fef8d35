from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import Unavailable
from provisioner.guest import GuestRecord, Uptime
from provisioner.hypervisor.port import Counters
from provisioner.store import Store
from tests.provisioner.factories import NODE, allocation, contract, new_store


def test_a_record_comes_back_from_the_file_as_it_was_put(tmp_path: Path) -> None:
    record = GuestRecord(
        allocation(),
        next_minute=12,
        state="ready",
        instance="a:1",
        epoch=7,
        carry_ms=999,
        counters=Counters(1, 2, 3, 4),
    )
    store = new_store(tmp_path)
    store.put_guest(record)
    store.close()
    store = new_store(tmp_path)
    assert store.guest(contract()) == record
    store.put_guest(replace(record, closed_ms=5))
    assert store.guests() == {contract(): replace(record, closed_ms=5)}


def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with pytest.raises(sqlite3.IntegrityError):
        _add_twice(store)
    assert store.usage_from(0, 10) == []
    assert store.statuses(10) == []


def _add_twice(store: Store) -> None:
    with store.transaction():
        store.add_status(contract(), b"status")
        store.add_usage(1, b"report")
        store.add_usage(1, b"report")


def test_what_is_committed_survives_without_an_orderly_close(tmp_path: Path) -> None:
    first = new_store(tmp_path)
    first.add_usage(1, b"report")
    assert Store(tmp_path / "agent.sqlite", NODE).usage_from(1, 10) == [(1, b"report")]


def test_reports_are_kept_in_order_and_dropped_up_to_a_number(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for sequence in (1, 2, 3, 4):
        store.add_usage(sequence, b"%d" % sequence)
    store.drop_usage(2)
    assert store.usage_from(0, 10) == [(3, b"3"), (4, b"4")]
    assert store.usage_from(4, 10) == [(4, b"4")]
    assert store.usage_from(0, 1) == [(3, b"3")]


def test_an_uptime_grows_and_never_shrinks(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for to_ms in (10, 30, 20):
        store.open_uptime(contract(), Uptime("a:1", 10, to_ms))
    assert store.uptimes(contract()) == [Uptime("a:1", 10, 30)]


def test_an_uptime_that_reaches_into_what_is_unreported_is_kept(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.open_uptime(contract(), Uptime("a:1", 0, 59))
    store.open_uptime(contract(), Uptime("b:2", 60, 100))
    store.drop_uptimes(contract(), 100)
    assert store.uptimes(contract()) == [Uptime("b:2", 60, 100)]


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(Unavailable, match="schema 99"):
        Store(tmp_path / "agent.sqlite", NODE)
