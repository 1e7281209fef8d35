"""Where the simulated processes run: each is started again when it ends, as a supervisor does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from tests.simulation.clocks import SimulatedClock
from tests.simulation.loop import PROCESS, Life, Process, SimulatedLoop

RESTART_SECONDS = 1.0

Main = Callable[[SimulatedClock], Coroutine[Any, Any, None]]


class Host:
    """One process after the other, all of one name. `main` is given the process's clock; `died` hears of each end."""

    def __init__(self, loop: SimulatedLoop, name: str, main: Main, died: Callable[[Process], None]) -> None:
        self.name = name
        self.skew_micros = 0
        self.ends: list[BaseException | None] = []
        self.buried: list[Process] = []
        self.process = Process(name, Life.DEAD)
        self.up_since = 0.0
        self._closed = False
        self._loop = loop
        self._main = main
        self._died = died
        self._outside = copy_context()
        self._outside.run(PROCESS.set, None)

    @property
    def is_running(self) -> bool:
        """Not dead, not stopped."""
        return self.process.life is Life.RUNNING

    def start(self) -> None:
        """A new process, unless one is alive."""
        if self._closed or self.process.life is not Life.DEAD:
            return
        self.process = Process(self.name)
        self.up_since = self._loop.time()
        task = self._loop.start(self.process, self._main(SimulatedClock(self._loop, self.skew_micros)))
        task.add_done_callback(self._ended, context=self._outside)

    def kill(self, seconds: float, before_start: Callable[[], None] = lambda: None) -> None:
        """No instruction more; a new process after so many seconds."""
        if self.process.life is Life.DEAD:
            return
        self._bury()
        self._died(self.process)

        def begin() -> None:
            before_start()
            self.start()

        self._loop.call_later(seconds, begin, context=self._outside)

    def close(self) -> None:
        """The end: no process any more."""
        self._closed = True
        if self.process.life is not Life.DEAD:
            self._bury()

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        if self.process.life is Life.RUNNING:
            self.process.life = Life.STOPPED
            self._loop.call_later(seconds, self.resume, self.process, context=self._outside)

    def resume(self, process: Process) -> None:
        """SIGCONT."""
        if process.life is Life.STOPPED:
            self.up_since = self._loop.time()
            self._loop.resume(process)

    def _bury(self) -> None:
        self.process.life = Life.DEAD
        self.buried.append(self.process)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task is self.process.tasks[0] and self.process.life is not Life.DEAD:
            self.ends.append(None if task.cancelled() else task.exception())
            self._bury()
            self._died(self.process)
            self._loop.call_later(RESTART_SECONDS, self.start, context=self._outside)


async def bury(loop: SimulatedLoop, hosts: list[Host]) -> None:
    """Let everything that every process left behind run out, so that nothing is left of it. The database and the
    network must be closed to them."""
    processes = [process for host in hosts for process in host.buried]
    for process in processes:
        for task in process.tasks:
            task.cancel()
        loop.run_out(process)
    for _ in range(20):
        left = [task for process in processes for task in process.tasks if not task.done()]
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.sleep(1)
