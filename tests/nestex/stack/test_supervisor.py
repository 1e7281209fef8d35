"""Children: ready, restarted, stopped, never left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.errors import Unavailable
from nestex.stack.folder import DataFolder
from nestex.stack.supervisor import Child, Supervisor
from tests.nestex.stack.processes import is_running


class HandClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def working(self) -> float:
        return self.seconds

    def wall_micros(self) -> int:
        return round(self.seconds * 1_000_000)


def _shell(name: str, script: str, ready: Callable[[int], bool] = lambda pid: True, seconds: float = 30.0) -> Child:
    return Child(name=name, argv=("sh", "-c", script), ready=ready, ready_seconds=seconds)


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def slow(data_path: Path, clock: HandClock, reports: list[str]) -> Iterator[Supervisor]:
    """A supervisor whose time the test moves."""
    with DataFolder.hold(data_path) as folder, Supervisor(folder, clock, reports.append) as supervisor:
        yield supervisor


def _until(supervisor: Supervisor, happened: Callable[[], bool]) -> None:
    for _ in range(500):
        if happened():
            return
        supervisor.watch(0)
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen within 5 s")


def test_a_child_is_started_when_it_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    made = tmp_path / "made"
    supervisor.start(_shell("one", f"sleep 0.2; echo $$ > {made}; exec sleep 60", lambda pid: made.exists()))
    assert made.exists()


def test_a_child_that_ends_at_once_is_reported_with_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(Unavailable, match=r"(?s)one ended with exit code 3.*no such luck"):
        supervisor.start(_shell("one", "echo no such luck; exit 3", lambda pid: False))


def test_a_child_that_does_not_get_ready_is_stopped(supervisor: Supervisor) -> None:
    seen: list[int] = []

    def never(pid: int) -> bool:
        seen.append(pid)
        return False

    with pytest.raises(Unavailable, match=r"was not ready within 0\.2 s"):
        supervisor.start(_shell("one", "exec sleep 60", never, 0.2))
    assert not is_running(seen[0])


def test_a_child_that_ends_is_started_again_with_growing_delay(
    slow: Supervisor, clock: HandClock, reports: list[str]
) -> None:
    first = slow.start(_shell("one", "exec sleep 60"))
    for delay in (0.5, 1.0, 2.0):
        os.kill(slow.pid("one"), signal.SIGKILL)
        _until(slow, lambda: bool(reports))
        assert reports == [f"one ended with SIGKILL; it is started again in {delay:g} s"]
        clock.seconds += delay - 0.01
        slow.watch(0)
        assert len(reports) == 1
        clock.seconds += 0.01
        slow.watch(0)
        assert reports.pop() == f"one is started again as process {slow.pid('one')}"
        reports.clear()
    assert slow.pid("one") != first
    clock.seconds += 61  # it ran long enough to be trusted again
    os.kill(slow.pid("one"), signal.SIGKILL)
    _until(slow, lambda: bool(reports))
    assert reports[0].endswith("in 0.5 s")


def test_a_child_that_should_end_is_not_started_again(slow: Supervisor, reports: list[str], tmp_path: Path) -> None:
    done = tmp_path / "done"
    pid = slow.start(Child(name="one", argv=("sh", "-c", f"echo x >> {done}"), restart=False))
    _until(slow, lambda: not is_running(pid))
    slow.watch(0)
    assert (reports, done.read_text()) == ([], "x\n")


def test_a_restarted_child_is_asked_again_whether_it_is_ready(
    slow: Supervisor, clock: HandClock, reports: list[str]
) -> None:
    asked: list[int] = []

    def ready(pid: int) -> bool:
        asked.append(pid)
        return True

    first = slow.start(_shell("one", "exec sleep 60", ready))
    os.kill(first, signal.SIGKILL)
    _until(slow, lambda: bool(reports))
    clock.seconds += 1
    slow.watch(0)
    slow.watch(0)
    assert asked == [first, slow.pid("one")]


def test_children_are_stopped_in_reverse_order_and_each_is_waited_for(data_path: Path, tmp_path: Path) -> None:
    order = tmp_path / "order"
    with DataFolder.hold(data_path) as folder, Supervisor(folder, HandClock()) as supervisor:
        for name in ("first", "second", "third"):
            up = tmp_path / name
            script = f"trap 'sleep 0.1; echo {name} >> {order}; exit' TERM; touch {up}; while :; do sleep 0.05; done"
            supervisor.start(_shell(name, script, lambda pid, up=up: up.exists()))  # type: ignore[misc]  # a default
    assert order.read_text().split() == ["third", "second", "first"]


def test_one_child_can_be_stopped_alone(supervisor: Supervisor) -> None:
    kept, ended = (supervisor.start(_shell(name, "exec sleep 60")) for name in ("kept", "ended"))
    supervisor.stop("ended")
    assert not is_running(ended)
    assert is_running(kept)


def test_a_child_that_ignores_its_signal_is_killed(supervisor: Supervisor) -> None:
    stubborn = Child(name="one", argv=("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"), stop_seconds=0.2)
    pid = supervisor.start(stubborn)
    threading.Event().wait(0.2)  # for the trap to be set
    supervisor.stop()
    assert not is_running(pid)


def test_a_child_is_refused_from_another_thread_with_which_it_would_end(supervisor: Supervisor) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            supervisor.start(_shell("one", "exec sleep 60"))
        except AssertionError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_run_ends_at_sigterm_as_at_ctrl_c(supervisor: Supervisor) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        timer.start()
        supervisor.run()
        timer.join()
