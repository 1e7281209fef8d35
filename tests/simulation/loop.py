"""An event loop on simulated time, on which the product's own coroutines run unchanged, and the same way every time.

Time stands still while anything can run, and then jumps to the next timer. What the product hands to a thread runs in
the loop's own thread, after a delay and with a delay before its result is heard. Every callback belongs to the
simulated process in whose context it was made: that is how a process can be stopped, resumed and killed at any await.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar

T = TypeVar("T")
MICROS = 1_000_000


class Life(Enum):
    """What becomes of a process's callbacks: they run, they wait, or they never run."""

    RUNNING = auto()
    STOPPED = auto()
    DEAD = auto()


@dataclass(eq=False)
class Process:
    """A simulated process: nothing of it runs unless its life is RUNNING. Its tasks are kept, so that a dead process's
    `finally` blocks do not run when memory is collected."""

    name: str
    life: Life = Life.RUNNING
    is_running_out: bool = False
    parked: list[asyncio.Handle] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)
"""The process that is running now; None is the simulation itself, and the world outside the processes."""


class Stuck(Exception):
    """Nothing can happen any more, and what was waited for has not."""


class SimulatedLoop(asyncio.AbstractEventLoop):  # what it does not have, raises NotImplementedError
    """`delay` draws the seconds that a thread takes to begin, and then to be heard. `connect` makes connections."""

    def __init__(self, delay: Callable[[], float] = lambda: 0.0) -> None:
        self.delay = delay
        self.connect: Callable[[Callable[[], asyncio.BaseProtocol]], tuple[Any, Any]] | None = None
        self._owner: Process | None = None
        self._fault: BaseException | None = None
        self._micros = 0
        self._number = 0
        self._ready: deque[tuple[Process | None, asyncio.Handle]] = deque()
        self._timers: list[tuple[int, int, Process | None, asyncio.TimerHandle]] = []

    # Processes

    def start(self, process: Process, main: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run this as the process's first task."""
        context = copy_context()
        context.run(PROCESS.set, process)
        return self.create_task(main, context=context)

    def resume(self, process: Process) -> None:
        """What was parked runs, in its order."""
        process.life = Life.RUNNING
        self._ready.extend((process, handle) for handle in process.parked)
        process.parked.clear()

    def run_out(self, process: Process) -> None:
        """Let what a dead process left behind run after all, so that it can be put away. It stays dead to others."""
        process.is_running_out = True
        self._ready.extend((process, handle) for handle in process.parked)
        process.parked.clear()

    # What runs, and when

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Until it is done. Raises Stuck."""
        task = self.create_task(main)
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._turn()
        finally:
            asyncio._set_running_loop(None)
        return task.result()

    def _turn(self) -> None:
        if not self._ready:
            if not self._timers:
                raise Stuck
            self._micros = max(self._micros, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._micros:
            _when, _number, owner, timer = heapq.heappop(self._timers)
            self._ready.append((owner, timer))
        process, handle = self._ready.popleft()
        if handle.cancelled():
            return
        if process is None or process.life is Life.RUNNING or process.is_running_out:
            self._owner = process
            handle._run()
            if self._fault is not None:
                raise self._fault
        else:
            process.parked.append(handle)

    def time(self) -> float:
        return self._micros / MICROS

    def time_micros(self) -> int:
        """Simulated microseconds since the loop was made."""
        return self._micros

    def call_soon(  # type: ignore[override]  # typeshed has generics here that a subclass cannot repeat
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((_owner(context), handle))
        return handle

    def call_soon_threadsafe(  # type: ignore[override]  # see call_soon
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]  # see call_soon
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # see call_soon
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        heapq.heappush(self._timers, (round(when * MICROS), self._number, _owner(context), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A canceled timer is dropped when its time has come."""

    # Futures and tasks

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # see call_soon
        self, coro: Coroutine[Any, Any, T], *, name: object = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        task = asyncio.Task(coro, loop=self, context=context)
        process = _owner(context)
        if process is not None:
            process.tasks.append(task)
        return task

    def run_in_executor(  # type: ignore[override]  # see call_soon
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """The call itself is one instant: a process dies before it, or after it and before its result is heard."""
        future = self.create_future()
        self.call_later(self.delay(), self._execute, future, func, args)
        return future

    def _execute(self, future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if future.cancelled():
            return
        try:
            result = func(*args)
        except Exception as error:
            self.call_later(self.delay(), _settle, future, future.set_exception, error)
        else:
            self.call_later(self.delay(), _settle, future, future.set_result, result)

    async def create_connection(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], *_where: Any, **_options: Any
    ) -> tuple[Any, Any]:
        await asyncio.sleep(self.delay())
        if self.connect is None:
            raise ConnectionRefusedError("nobody listens")
        return self.connect(protocol_factory)

    # What asyncio asks of every loop

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return asyncio._get_running_loop() is self

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What a callback of a process raises is lost, as it would be in its log; what one of ours raises is not."""
        if self._owner is None and "handle" in context:
            self._fault = context["exception"]


def new_loop(delay: Callable[[], float] = lambda: 0.0) -> SimulatedLoop:
    """A loop at time zero."""
    return SimulatedLoop(delay)  # type: ignore[abstract]  # typeshed makes abstract what asyncio itself lets raise


def _owner(context: Context | None) -> Process | None:
    return PROCESS.get() if context is None else context.get(PROCESS)


def _settle(future: asyncio.Future[Any], settle: Callable[[Any], None], value: Any) -> None:
    if not future.done():
        settle(value)
