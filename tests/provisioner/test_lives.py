from __future__ import annotations

import shutil
from pathlib import Path

from common import codec
from common.wire import UsageReport
from provisioner import lives
from provisioner.desired import accept
from provisioner.guest import MS_PER_MINUTE
from provisioner.metering import report_minutes
from provisioner.store import Store
from tests.provisioner.factories import NODE, allocation

FILE = "agent.sqlite"


def _reports(store: Store) -> list[UsageReport]:
    return [codec.decode(UsageReport, payload) for _, payload in store.usage_from(0, 1000)]


def _started(path: Path, minute: int) -> Store:
    """The file as an agent that starts takes it up."""
    store = Store(path, NODE)
    lives.begin(store, minute)
    return store


def test_what_is_unconfirmed_is_told_again_under_the_new_life(tmp_path: Path) -> None:
    store = _started(tmp_path / FILE, 9)
    accept(store, [allocation(10, 20)], now_ms=9 * MS_PER_MINUTE)
    report_minutes(store, 14)
    before = _reports(store)
    lives.confirm(store, 1)
    store.close()
    store = _started(tmp_path / FILE, 15)
    after = _reports(store)
    assert [(report.sequence, report.minute, report.guests) for report in after] == [
        (number, report.minute, report.guests) for number, report in enumerate(before[1:], start=1)
    ]
    assert {report.life for report in after} == {lives.running(store).name}
    assert not {report.life for report in after} & {report.life for report in before}
    report_minutes(store, 15)
    assert _reports(store)[-1].sequence == 4


def test_two_futures_of_one_file_never_give_the_same_number_to_different_reports(tmp_path: Path) -> None:
    store = _started(tmp_path / FILE, 9)
    accept(store, [allocation(10, 20)], now_ms=9 * MS_PER_MINUTE)
    report_minutes(store, 12)
    store.close()
    shutil.copy(tmp_path / FILE, tmp_path / "copy")
    futures = [_started(tmp_path / name, 12) for name in (FILE, "copy")]
    told = []
    for until, store in zip((13, 15), futures, strict=True):
        report_minutes(store, until)
        told += [(report.life, report.sequence) for report in _reports(store)]
    assert len(set(told)) == len(told) == 3 + 5


def test_a_file_knows_from_when_on_it_was_told_everything(tmp_path: Path) -> None:
    store = _started(tmp_path / FILE, 9)
    store.close()
    store = _started(tmp_path / FILE, 30)
    assert lives.running(store).since == 9
    accept(store, [allocation(30, 40)], now_ms=30 * MS_PER_MINUTE)
    report_minutes(store, 31)
    assert [report.since for report in _reports(store)] == [9]
