from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from common import codec
from common.wire import GuestMinute, UsageReport
from provisioner import lives
from provisioner.desired import accept
from provisioner.guest import MS_PER_MINUTE, Uptime
from provisioner.hypervisor.port import Counters, Guest
from provisioner.metering import KEPT_MINUTES, Sighting, delivered_ms, observe, report_minutes
from provisioner.steps import Step, take_steps
from provisioner.store import Store
from tests.provisioner.factories import NODE, allocation, contract, new_store

START, END = 10, 16


def _reports(store: Store) -> list[UsageReport]:
    return [codec.decode(UsageReport, payload) for _sequence, payload in store.usage_from(0, 10_000)]


def _seconds(store: Store, number: int = 1) -> dict[int, int]:
    """Delivered seconds of a contract by minute; a minute that is reported twice fails."""
    seconds: dict[int, int] = {}
    for report in _reports(store):
        for guest in report.guests:
            if guest.contract == contract(number):
                assert report.minute not in seconds
                seconds[report.minute] = guest.seconds
    return seconds


def _ready(store: Store, at_ms: int, instance: str = "a:1", number: int = 1) -> None:
    for state in ("preparing", "starting", "running"):
        take_steps(store, [Step(contract(number), 1, state, at_ms)])
    take_steps(store, [Step(contract(number), 1, "ready", at_ms, instance=instance)])


def _sighting(at_ms: int, instance: str | None = "a:1", counters: Counters | None = None) -> Sighting:
    guests = () if instance is None else (Guest(contract(), 1, True, instance),)
    return Sighting(at_ms, guests, {contract(): counters} if counters else {})


def _store(folder: Path) -> Store:
    store = new_store(folder)
    accept(store, [allocation(START, END)], now_ms=9 * MS_PER_MINUTE)
    return store


spans = st.lists(st.integers(0, 400_000), min_size=2, max_size=10, unique=True).map(sorted)


@settings(max_examples=60)
@given(instants=spans, looks=st.lists(st.integers(0, 420_000), max_size=8), data=st.data())
def test_the_sum_over_minutes_is_the_time_up_within_the_window(
    instants: list[int], looks: list[int], data: st.DataObject
) -> None:
    """Instances come and go; sightings in between, and reports at odd moments, change nothing."""
    store = Store(Path(":memory:"), NODE)
    lives.begin(store, 0)
    accept(store, [allocation(0, END - START)], now_ms=0)
    begin_ms, up_ms = 0, [(begin, end) for begin, end in pairwise(instants)][::2]
    state = "accepted"
    for number, (from_ms, to_ms) in enumerate(up_ms):
        if state == "ready":
            take_steps(store, [Step(contract(), 1, "crashed", begin_ms)])
        path = {"accepted": ("preparing", "starting", "running"), "ready": ("starting", "running")}[state]
        take_steps(store, [Step(contract(), 1, step, from_ms) for step in path])  # type: ignore[arg-type]  # the table's states
        take_steps(store, [Step(contract(), 1, "ready", from_ms, instance=f"a:{number}")])
        state, begin_ms = "ready", to_ms
        for at_ms in [*sorted(look for look in looks if from_ms <= look <= to_ms), to_ms]:
            observe(store, _sighting(at_ms, f"a:{number}"))
            if data.draw(st.booleans()):
                report_minutes(store, at_ms // MS_PER_MINUTE)
    report_minutes(store, END - START + 5)
    window_ms = (END - START) * MS_PER_MINUTE
    overlap_ms = sum(max(0, min(to_ms, window_ms) - from_ms) for from_ms, to_ms in up_ms)
    seconds = _seconds(store)
    assert sum(seconds.values()) == (overlap_ms + 500) // 1000
    assert list(seconds) == list(range(END - START))
    assert all(0 <= value <= 60 for value in seconds.values())


def test_overlapping_uptimes_count_once() -> None:
    uptimes = [Uptime("a", 0, 40), Uptime("b", 30, 50), Uptime("c", 90, 200)]
    assert delivered_ms(uptimes, 10, 100) == 50


def test_boot_time_is_not_delivered_and_minutes_are_cut_exactly(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE + 12_500)
    observe(store, _sighting((END + 1) * MS_PER_MINUTE))
    report_minutes(store, END + 1)
    assert _seconds(store) == {10: 48, 11: 60, 12: 60, 13: 60, 14: 60, 15: 60}


def test_parts_of_a_second_are_carried_into_later_minutes(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE + 700)
    observe(store, _sighting(12 * MS_PER_MINUTE + 900))
    report_minutes(store, 13)
    assert _seconds(store) == {10: 59, 11: 60, 12: 1}


def test_seconds_are_rounded_to_the_nearest_so_a_start_a_little_late_costs_nothing(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE + 10)
    observe(store, _sighting(12 * MS_PER_MINUTE))
    report_minutes(store, 12)
    assert _seconds(store) == {10: 60, 11: 60}


def test_minutes_in_which_the_agent_was_away_count_if_the_same_instance_ran_on(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE)
    observe(store, _sighting(11 * MS_PER_MINUTE))
    report_minutes(store, 11)
    store.close()
    store = new_store_again(tmp_path)
    observe(store, _sighting(14 * MS_PER_MINUTE))
    report_minutes(store, 14)
    assert _seconds(store) == {10: 60, 11: 60, 12: 60, 13: 60}


def test_minutes_in_which_the_agent_was_away_do_not_count_if_another_instance_runs(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE)
    observe(store, _sighting(11 * MS_PER_MINUTE + 30_000))
    store.close()
    store = new_store_again(tmp_path)
    observe(store, _sighting(13 * MS_PER_MINUTE, "a:2"))
    observe(store, _sighting(14 * MS_PER_MINUTE, "a:2"))
    report_minutes(store, 14)
    assert _seconds(store) == {10: 60, 11: 30, 12: 0, 13: 0}


def new_store_again(folder: Path) -> Store:
    """The file of an agent that comes back."""
    return Store(folder / "agent.sqlite", NODE)


def test_a_minute_without_delivery_is_reported_with_zero(tmp_path: Path) -> None:
    store = _store(tmp_path)
    report_minutes(store, 12)
    assert [(report.sequence, report.minute) for report in _reports(store)] == [(1, 10), (2, 11)]
    assert _reports(store)[0].guests == (GuestMinute(contract(), 0, 0),)


def test_minutes_outside_every_window_are_not_reported(tmp_path: Path) -> None:
    store = _store(tmp_path)
    assert report_minutes(store, START) == 0
    assert report_minutes(store, 100) == END - START
    assert report_minutes(store, 200) == 0


def test_the_running_minute_is_not_reported(tmp_path: Path) -> None:
    store = _store(tmp_path)
    report_minutes(store, 12)
    assert max(_seconds(store)) == 11


def test_a_contract_that_is_gone_early_is_reported_through_the_minute_of_its_removal(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE)
    observe(store, _sighting(12 * MS_PER_MINUTE + 20_000))
    removal_ms = 12 * MS_PER_MINUTE + 20_001
    take_steps(store, [Step(contract(), 2, "stopping", removal_ms), Step(contract(), 2, "removed", removal_ms)])
    report_minutes(store, 40)
    assert _seconds(store) == {10: 60, 11: 60, 12: 20}


def test_one_report_holds_all_guests_of_its_minute(tmp_path: Path) -> None:
    store = _store(tmp_path)
    accept(store, [allocation(11, 13, number=2)], now_ms=0)
    report_minutes(store, 13)
    held = [(report.minute, [guest.contract for guest in report.guests]) for report in _reports(store)]
    assert held == [(10, [contract(1)]), (11, [contract(1), contract(2)]), (12, [contract(1), contract(2)])]


def test_minutes_before_an_allocation_came_are_not_told(tmp_path: Path) -> None:
    """A file that was lost, or a later one than this, may have told them already: here they would only contradict."""
    store = _store(tmp_path)
    report_minutes(store, 13)
    accept(store, [allocation(11, 16, number=2)], now_ms=13 * MS_PER_MINUTE)
    report_minutes(store, 15)
    assert list(_seconds(store, 2)) == [13, 14]
    assert [report.sequence for report in _reports(store)] == [1, 2, 3, 4, 5]


def test_counters_belong_to_the_epoch_of_their_instance(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _ready(store, START * MS_PER_MINUTE)
    observe(store, _sighting(11 * MS_PER_MINUTE, counters=Counters(cpu_ns=900, memory_kib=2048)))
    report_minutes(store, 11)
    restart_ms = 11 * MS_PER_MINUTE + 5
    take_steps(store, [Step(contract(), 1, "crashed", restart_ms), Step(contract(), 1, "starting", restart_ms)])
    take_steps(store, [Step(contract(), 1, "ready", restart_ms, instance="a:2")])
    observe(store, _sighting(12 * MS_PER_MINUTE, "a:2", Counters(cpu_ns=30, memory_kib=2048)))
    report_minutes(store, 12)
    first, second = (report.guests[0] for report in _reports(store))
    assert (first.epoch, first.cpu_ns, first.memory_kib) == (START * MS_PER_MINUTE, 900, 2048)
    assert (second.epoch, second.cpu_ns) == (restart_ms, 30)


def test_a_contract_that_is_over_is_forgotten_after_two_days(tmp_path: Path) -> None:
    store = _store(tmp_path)
    record = store.guests()[contract()]
    store.put_guest(replace(record, state="removed", closed_ms=END * MS_PER_MINUTE))
    report_minutes(store, END + KEPT_MINUTES)
    assert contract() in store.guests()
    report_minutes(store, END + KEPT_MINUTES + 1)
    assert contract() not in store.guests()
    assert len(_seconds(store)) == END - START
