"""Children of the stack: started in order, watched, restarted when they end, stopped in reverse order.

A child never outlives its supervisor: the kernel sends it its stop signal when the thread that started it ends, however
that ends. That is why children are started from the main thread only.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from types import FrameType, TracebackType
from typing import Self

from common.clock import RealClock
from common.errors import Unavailable
from nestex.stack.accounts import Account, tied_command
from nestex.stack.folder import DataFolder

log = logging.getLogger("nestex.stack")

_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.2
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_LOG_TAIL_BYTES = 1500


def _at_once(pid: int) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Child:
    """A program of the stack. `ready` is asked, with the process id, until it says yes; `environment` is the whole of
    it, or this process's own where it is None."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    ready: Callable[[int], bool] = _at_once
    ready_seconds: float = 30.0
    stop_signal: Signals = Signals.SIGTERM
    stop_seconds: float = 15.0
    account: Account | None = None
    restart: bool = True


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started: float
    is_ready: bool = False
    delay_seconds: float = _FIRST_DELAY_SECONDS
    restart_at: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Starts and watches children; `with` stops them all, and turns SIGTERM into the KeyboardInterrupt of a Ctrl-C.

    `report` is told, in a sentence, of every child that ends by itself and of its restart.
    """

    folder: DataFolder
    clock: RealClock
    report: Callable[[str], None] = log.warning
    _running: dict[str, _Running] = field(default_factory=dict)
    _pause: threading.Event = field(default_factory=threading.Event)
    _old_handler: object = None

    def __enter__(self) -> Self:
        self._old_handler = signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            signal.signal(signal.SIGTERM, self._old_handler)  # type: ignore[arg-type]  # what signal() itself gave

    def start(self, child: Child) -> int:
        """The process id of the child, started and ready.

        Raises Unavailable (`stack_failed`) with the end of its log if it ends or is not ready in time; it is gone then.
        """
        if child.name in self._running:
            raise AssertionError(f"{child.name} is started already")
        entry = _Running(child, self._spawn(child), self.clock.monotonic())
        try:
            self._await_ready(entry)
        except BaseException:
            _end(entry)
            raise
        self._running[child.name] = entry
        return entry.process.pid

    def pid(self, name: str) -> int:
        """The process id of the child of this name, the newest if it was restarted."""
        return self._running[name].process.pid

    def child(self, name: str) -> Child:
        """The child of this name, as it was started."""
        return self._running[name].child

    def watch(self, seconds: float) -> None:
        """Wait so long, restarting children that end. To be called from the main thread, again and again."""
        until = self.clock.monotonic() + seconds
        while True:
            for entry in self._running.values():
                self._look_after(entry)
            left = until - self.clock.monotonic()
            if left <= 0:
                return
            self._pause.wait(min(left, _WATCH_SECONDS))

    def run(self) -> None:
        """Watch until SIGINT or SIGTERM asks to stop."""
        try:
            while True:
                self.watch(_LONGEST_DELAY_SECONDS)
        except KeyboardInterrupt:
            return

    def stop(self, name: str | None = None) -> None:
        """End the child of this name, or all in reverse order of their start. A second Ctrl-C does not disturb it."""
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for each in [name] if name else list(reversed(self._running)):
                _end(self._running.pop(each))
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        if threading.current_thread() is not threading.main_thread():
            raise AssertionError("a child started from another thread would end with that thread")
        with self._log_file(child).open("ab") as output:
            return subprocess.Popen(
                tied_command(child.argv, child.stop_signal, child.account),
                env=child.environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(self.folder.lock,),
                start_new_session=True,  # a Ctrl-C at the terminal is for the supervisor, which stops them in order
            )

    def _await_ready(self, entry: _Running) -> None:
        child, process = entry.child, entry.process
        while not child.ready(process.pid):
            if process.poll() is not None:
                raise self._failure(child, f"ended with {_ending(process.returncode)}")
            if self.clock.monotonic() - entry.started > child.ready_seconds:
                raise self._failure(child, f"was not ready within {child.ready_seconds:g} s")
            self._pause.wait(_POLL_SECONDS)
        entry.is_ready = True

    def _look_after(self, entry: _Running) -> None:
        child, now = entry.child, self.clock.monotonic()
        if entry.restart_at is not None:
            if now >= entry.restart_at:
                entry.process, entry.started, entry.restart_at = self._spawn(child), now, None
                self.report(f"{child.name} is started again as process {entry.process.pid}")
        elif entry.process.poll() is not None:
            self._ended(entry, now)
        elif not entry.is_ready:
            entry.is_ready = child.ready(entry.process.pid)

    def _ended(self, entry: _Running, now: float) -> None:
        if not entry.child.restart:
            return
        if now - entry.started > _STEADY_SECONDS:
            entry.delay_seconds = _FIRST_DELAY_SECONDS
        ending = _ending(entry.process.returncode)
        self.report(f"{entry.child.name} ended with {ending}; it is started again in {entry.delay_seconds:g} s")
        entry.is_ready = False
        entry.restart_at = now + entry.delay_seconds
        entry.delay_seconds = min(2 * entry.delay_seconds, _LONGEST_DELAY_SECONDS)

    def _failure(self, child: Child, problem: str) -> Unavailable:
        path = self._log_file(child)
        tail = path.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return Unavailable("stack_failed", f"{child.name} {problem}; the end of {path}:\n{tail}")

    def _log_file(self, child: Child) -> Path:
        return self.folder.subfolder("log") / f"{child.name}.log"


def _end(entry: _Running) -> None:
    process = entry.process
    if process.poll() is not None:
        return
    process.send_signal(entry.child.stop_signal)
    try:
        process.wait(entry.child.stop_seconds)
    except subprocess.TimeoutExpired:
        log.warning("%s did not stop within %g s and is killed", entry.child.name, entry.child.stop_seconds)
        process.kill()
        process.wait()


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else Signals(-code).name


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
