from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from common import codec
from common.agent_commands import Sync
from common.wire import Extras, GuestStatus
from provisioner import generations
from provisioner.desired import accept
from provisioner.guest import Obeyed
from provisioner.steps import Step, take_steps, tell_again, told
from provisioner.store import Store
from tests.provisioner.factories import allocation, contract, new_store

RESTORED = 1_700_000_000


def _wants(store: Store) -> dict[str, str]:
    return {name: record.allocation.want for name, record in store.guests().items()}


def test_a_restored_market_ends_what_it_does_not_know_and_nothing_else(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation(number=number, revision=3) for number in (1, 2)], now_ms=0)
    accept(store, [replace(allocation(number=3), generation=RESTORED)], now_ms=0)  # traded since, and earlier here
    assert generations.take_over(store, Sync({contract(1): 1}, RESTORED))
    assert _wants(store) == {contract(1): "run", contract(2): "gone", contract(3): "run"}
    assert generations.newest(store) == RESTORED


def test_without_a_newer_generation_nothing_is_ended_for_not_being_named(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation()], now_ms=0)
    assert generations.take_over(store, Sync({}, 0))
    assert _wants(store) == {contract(): "run"}
    generations.take_over(store, Sync({contract(): 1}, RESTORED))
    assert not generations.take_over(store, Sync({}, RESTORED - 1)), "a sync that was under way for long"
    assert _wants(store) == {contract(): "run"}


def test_what_a_restored_market_says_counts_more_than_any_earlier_revision(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation(revision=7, want="gone")], now_ms=0)
    generations.take_over(store, Sync({contract(): 2}, RESTORED))
    assert generations.held_revisions(store) == {}, "nothing is applied under this generation yet"
    assert accept(store, [allocation(revision=9)], now_ms=0) == 0, "an allocation of before"
    assert accept(store, [replace(allocation(revision=2), generation=RESTORED)], now_ms=0) == 1
    assert _wants(store) == {contract(): "run"}
    assert generations.held_revisions(store) == {contract(): 2}


def test_what_was_asked_of_a_guest_in_a_time_that_is_given_up_can_be_asked_again(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [replace(allocation(revision=5), extras=Extras(restarts=3))], now_ms=0)
    record = store.guests()[contract()]
    store.put_guest(replace(record, applied=5, obeyed=Obeyed(restarts=3)))
    restored = replace(allocation(revision=2), generation=RESTORED, extras=Extras(restarts=1))
    accept(store, [restored], now_ms=0)
    record = store.guests()[contract()]
    assert not record.is_adapted, "it may have been changed to what nobody wants any more"
    assert not record.restart_wanted
    accept(store, [replace(restored, revision=3, extras=Extras(restarts=2))], now_ms=0)
    assert store.guests()[contract()].restart_wanted


def test_the_newest_status_is_remembered_until_it_has_to_be_told_again(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    accept(store, [allocation()], now_ms=5)
    take_steps(store, [Step(contract(), 1, "preparing", 7)])
    assert told(store) == {}, "the stream has not got it yet"
    [_first, (last, payload)] = store.statuses(10)
    store.drop_statuses(last)
    assert told(store) == {contract(): 7}
    tell_again(store, [contract(), "con_unknown"])
    [(_id, again)] = store.statuses(10)
    assert again == payload
    assert codec.decode(GuestStatus, again).state == "preparing"
