"""The agent process: what it is composed of, how it starts, and how it ends.

    NATS -> link -> intake -> store -> loop -> hypervisor
              ^               |
              +--- spools <---+        heartbeat, commands and sync beside it

The reconcile loop needs neither the market nor NATS: contracts end on time while the node is cut off.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.clock import MarketClock, RealClock, SystemClock
from common.errors import NestexError, Unavailable
from common.wire import Capacity
from provisioner import lives
from provisioner.blocking import Blocking
from provisioner.commands import Commands
from provisioner.fingerprint import capacity_of
from provisioner.heartbeat import Pulse
from provisioner.hypervisor.open_driver import open_driver
from provisioner.hypervisor.port import Hypervisor
from provisioner.identity import Identity, identify
from provisioner.intake import Intake
from provisioner.link import Link
from provisioner.loop import ReconcileLoop
from provisioner.own_work import OwnWork
from provisioner.queries import Queries
from provisioner.settings import Settings
from provisioner.spool import StatusSpool, UsageSpool
from provisioner.store import Store
from provisioner.sync import Agreement

log = logging.getLogger(__name__)

STORE_FILE = "agent.sqlite"
LOCK_FILE = "agent.lock"
CANCEL_SECONDS = 0.5
AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long an agent that starts waits for a hypervisor before it gives up."""

AGAIN_SECONDS = 0.5


def main(settings: Settings) -> int:
    """The process's exit code: 0 after SIGTERM or SIGINT, 1 when it cannot go on, for a reason that is logged."""
    try:
        asyncio.run(run(settings))
    except NestexError as error:
        log.error("the agent ends: %s", error)
        return 1
    return 0


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Guests go on when the agent ends. Raises a NestexError when it cannot go on."""
    task, stopping = asyncio.current_task(), asyncio.Event()
    assert task is not None, "a coroutine runs in a task"

    def stop() -> None:
        stopping.set()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await _live(settings)
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        log.info("stopped; guests go on")


class Agent:
    """The parts of a running agent, wired. `storage` and `hypervisor` are the threads of `store` and `driver`."""

    def __init__(
        self,
        identity: Identity,
        store: Store,
        driver: Hypervisor,
        *,
        storage: Blocking,
        hypervisor: Blocking,
        clock: MarketClock,
        capacity: Capacity,
        heartbeat_seconds: float,
        own_work: OwnWork | None = None,
    ) -> None:
        self._store = store
        self._storage = storage
        self._driver = driver
        self._hypervisor = hypervisor
        self._clock = clock
        self._link = Link(identity, answer=self._answer, connected=self._on_connect)
        self._agreement = Agreement(storage, store, self._on_agreement)
        self._statuses = StatusSpool(self._link, storage, store)
        self._usage = UsageSpool(self._link, storage, store, clock)
        held = self._link, storage, store
        self._pulse = Pulse(
            *held, self._agreement, clock=clock, capacity=capacity, seconds=heartbeat_seconds, own_work=own_work
        )
        self._loop = ReconcileLoop(
            store,
            driver,
            self._agreement,
            storage=storage,
            hypervisor=hypervisor,
            clock=clock,
            capacity=capacity,
            told=self._on_reports,
        )
        self._intake = Intake(self._link, storage, store, clock, self._on_accepted)
        queries = Queries(store, driver, self._agreement, storage=storage, hypervisor=hypervisor, clock=clock)
        self._commands = Commands(self._agreement, self._statuses, self._usage, queries, self._loop.wake)

    async def serve(self) -> None:
        """Until it is canceled, or until one of the parts cannot go on: its exception is raised."""
        event_loop = asyncio.get_running_loop()
        await self._begin_life()
        await self._hypervisor(self._driver.listen, lambda: _call_if_open(event_loop, self._loop.wake))
        link = asyncio.create_task(self._link.run())
        parts = (self._loop, self._intake, self._statuses, self._usage, self._pulse)
        tasks = [asyncio.create_task(part.run()) for part in parts]
        try:
            ended, _others = await asyncio.wait([link, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await _end(tasks)
            await _end([link])

    async def _begin_life(self) -> None:
        """However long the disk of the agent's file is full."""
        while True:
            try:
                await self._storage(lives.begin, self._store, self._clock.minute())
            except Unavailable as error:
                log.error("the agent cannot begin: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _answer(self, verb: str, payload: bytes) -> bytes:
        return await self._commands.answer(verb, payload)

    async def _on_accepted(self) -> None:
        await self._agreement.compare()
        self._loop.wake()
        self._statuses.wake()

    def _on_connect(self) -> None:
        self._usage.republish()
        self._statuses.wake()
        self._pulse.beat()
        self._loop.wake()

    def _on_agreement(self) -> None:
        self._pulse.beat()
        self._loop.wake()

    def _on_reports(self) -> None:
        self._statuses.wake()
        self._usage.wake()


async def _live(settings: Settings) -> None:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(settings.data), _thread("store") as storage, _thread("hypervisor") as hypervisor:
        driver = await _opened(hypervisor, settings, SystemClock())
        capabilities = await hypervisor(driver.capabilities)
        trusted = capabilities.simulated or settings.overcommit  # then what else the machine does is not the node's
        capacity = capacity_of(settings.data, settings.declared, trusted=trusted)
        log.info("%s, capacity %s", capabilities, capacity)
        identity = await identify(settings, capacity)
        store = await storage(Store, settings.data / STORE_FILE, identity.node)
        try:
            await Agent(
                identity,
                store,
                driver,
                storage=storage,
                hypervisor=hypervisor,
                clock=MarketClock(identity.anchor, SystemClock()),
                capacity=capacity,
                heartbeat_seconds=settings.heartbeat_seconds,
                own_work=None if trusted else OwnWork(SystemClock(), capacity.vcpus),
            ).serve()
        finally:
            await storage(store.close)
            await hypervisor(driver.close)


async def _opened(hypervisor: Blocking, settings: Settings, clock: RealClock) -> Hypervisor:
    """The driver. A libvirtd that restarts while its agent does is waited for, for as long as PATIENCE_SECONDS."""
    until = clock.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await hypervisor(open_driver, settings, clock)
        except Unavailable as error:
            if clock.monotonic() > until:
                raise
            log.warning("%s", error)
        await asyncio.sleep(AGAIN_SECONDS)


@contextmanager
def _thread(name: str) -> Iterator[Blocking]:
    thread = Blocking(name)
    try:
        yield thread
    finally:
        thread.close()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One agent at a time for a data folder."""
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Unavailable("stack_failed", f"another agent runs on {folder}") from error
    finally:
        os.close(descriptor)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel, until all are done: nats-py turns a cancellation into an error when its connection closes meanwhile."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _done, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)


def _call_if_open(event_loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """From another thread; nothing once the loop is closed, which a late event may find."""
    with suppress(RuntimeError):
        event_loop.call_soon_threadsafe(call)
