"""One seed: a market lives through some of its hours with faults, is healed, and is held to its promises."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from billing.tables import billable_contract
from common.clock import MarketClock
from common.errors import Unavailable
from market.contracts.command_guest import Change, command_guest
from market.engine.client import EngineClient, RemoteEngine
from market.engine.commands import Answer, Command, Placement
from provisioner.store import Store
from runtime import bus as product_bus
from runtime.database import transaction
from tests.market.factories import ZONE
from tests.simulation import checks
from tests.simulation.agent_file import AgentFile
from tests.simulation.bus import Bus
from tests.simulation.clocks import IN_THE_MIDDLE, NEAR_THE_END, SPEED, SimulatedClock, anchor_at
from tests.simulation.complaints import surprising
from tests.simulation.database import SimulatedDatabase
from tests.simulation.faults import Faults
from tests.simulation.hosts import Host, bury
from tests.simulation.hypervisor import Run, WatchedDriver
from tests.simulation.loop import SimulatedLoop
from tests.simulation.market import found
from tests.simulation.notebook import Notebook
from tests.simulation.processes import GRACE_MINUTES, SETTINGS, Server, agent, market
from tests.simulation.traders import Desk, Trader

ACTIVE_SECONDS = 12
AGREE_SECONDS = 60
"""Real time within which everybody agrees again, once nothing goes wrong any more."""
LOOK_SECONDS = 4
WELL_SECONDS = checks.OVERDUE_MINUTES * 60 / SPEED
SLACK_SECONDS = 2


class Broken(Exception):
    """A promise of the market does not hold."""


class Story:
    """The processes of one seed, and what they are held to."""

    def __init__(
        self,
        seed: int,
        rng: random.Random,
        loop: SimulatedLoop,
        data: SimulatedDatabase,
        wired: Bus,
        folder: Path,
        slow: dict[str, float],
    ) -> None:
        self._loop = loop
        self._data = data
        self._wired = wired
        anchor = anchor_at(rng.choice((IN_THE_MIDDLE, NEAR_THE_END)))
        self._clock = MarketClock(anchor, SimulatedClock(loop))
        self._cast = found(data.engine, anchor)
        self.notebook = Notebook(self._heard)
        self._broken: list[str] = []
        desk = Desk(self._bought, self._reclaimable, self._command)
        self._traders = [
            Trader(f"{seed} {index}", owner, self._cast.providers.get(owner, ()), self.notebook, self._clock, desk)
            for index, owner in enumerate((*self._cast.providers, *self._cast.buyers))
        ]
        self.hosts: dict[str, Host] = {}
        server = Server(data)
        for name in ("engine-a", "engine-b"):
            self._host(name, server.engine)
        for name in ("worker-a", "worker-b")[: 2 if rng.random() < 0.25 else 1]:
            self._host(name, server.worker)
        self._host("market", market(self._cast.nodes, self._trading))
        self._agents: dict[str, tuple[Host, AgentFile, WatchedDriver]] = {}
        for index, node in enumerate(self._cast.nodes):
            file = AgentFile(folder, f"{seed}-{index}")
            driver = WatchedDriver(random.Random(rng.random()), self._clock.now_ms)
            host = self._host(f"agent-{index}", agent(node, anchor, file.path, driver))
            self._agents[node] = host, file, driver
        seldom = random.Random(rng.random())
        self.faults = Faults(seldom, loop, wired, data, self.hosts, self._agents, self.notebook, slow)

    async def live(self, *, with_faults: bool) -> str | None:
        """Trade and break things, heal, agree, come to an end; at every point, look. The first difference."""
        for host in self.hosts.values():
            host.start()
        striking = asyncio.create_task(self.faults.strike()) if with_faults else None
        try:
            await self._watch(ACTIVE_SECONDS)
            if striking is not None:
                striking.cancel()
            self.faults.heal()
            self.notebook.is_open = False
            await self._agree()
            await self._come_to_an_end()
            await self._hold_to_promises()
        except Broken as broken:
            return str(broken)
        finally:
            if striking is not None:
                striking.cancel()
            self._wired.network.close()
            for host in self.hosts.values():
                host.close()
            await bury(self._loop, list(self.hosts.values()))
        return None

    def _host(self, name: str, main: Callable[[SimulatedClock], Coroutine[Any, Any, None]]) -> Host:
        self.hosts[name] = Host(self._loop, self._wired.network, name, main)
        return self.hosts[name]

    def _trading(self, engine: EngineClient) -> list[Coroutine[Any, Any, None]]:
        return [trader.trade(engine) for trader in self._traders]

    def _bought(self, participant: str) -> list[str]:
        return checks.running(self._data.engine, participant)

    def _reclaimable(self, participant: str) -> list[str]:
        return checks.reclaimable(self._data.engine, participant)

    async def _command(self, participant: str, contract: str, change: Change) -> None:
        def work(connection: Connection) -> None:
            command_guest(connection, participant, contract, change, self._clock.now_micros())

        await asyncio.to_thread(transaction, self._data.engine, work)

    def _heard(self, command: Command, answer: Answer) -> None:
        if difference := checks.acknowledged(self._data.engine, command, answer):
            self._broken.append(difference)

    # Looking

    async def _watch(self, seconds: int) -> None:
        for _ in range(seconds // LOOK_SECONDS):
            await asyncio.sleep(LOOK_SECONDS)
            self._must(checks.books(self._data.engine))
            self._look()

    def _look(self) -> None:
        self._must(next(iter(self._broken), None))
        ends = [(host.name, end) for host in self.hosts.values() for end in host.ends]
        self._must(next((f"{name} ended: {end!r}" for name, end in ends if surprising(end)), None))
        self._must(checks.windows(self._data.engine, self._runs()))
        for node in self._agents:
            host, _file, driver = self._agents[node]
            if self._is_well(host, driver):
                self._must(checks.overdue(self._data.engine, driver.up(), self._clock.minute()))

    def _runs(self) -> list[Run]:
        """What ran for contracts that the market has not given up with an older state of its database."""
        runs = [run for _host, _file, driver in self._agents.values() for run in driver.runs]
        return [run for run in runs if run.contract not in self.faults.given_up]

    def _is_well(self, host: Host, driver: WatchedDriver) -> bool:
        well_since = self._clock.now_ms() - checks.OVERDUE_MINUTES * checks.MS_PER_MINUTE
        began = self._loop.time() - host.up_since > WELL_SECONDS and host.is_running
        return began and driver.failing_until_ms < well_since and host.name not in self.faults.slow

    async def _agree(self) -> None:
        until = self._loop.time() + AGREE_SECONDS
        while (difference := self._disagreement()) is not None and self._loop.time() < until:  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(1)
        self._must(difference)

    def _disagreement(self) -> str | None:
        in_doubt = [trader.in_doubt.order for trader in self._traders if trader.in_doubt is not None]
        if in_doubt:
            return f"order {in_doubt[0]} is still in doubt"
        for node, (host, file, driver) in self._agents.items():
            if not file.path().exists():
                return f"{host.name} is not back"
            store = Store(file.path(), node)
            held = store.guests()
            store.close()
            if left := self.faults.given_up.intersection(driver.up()):
                return f"{host.name} runs {min(left)}, which the restored market does not know"
            difference = checks.agreement(self._data.engine, node, held, driver.up(), self._clock.minute())
            if difference is not None:
                return difference
        return None

    async def _come_to_an_end(self) -> None:
        with self._data.engine.connect() as connection:
            last = connection.execute(select(func.max(billable_contract.c.end_minute))).scalar_one() or 0
        while self._clock.minute() < last + GRACE_MINUTES + 10:
            with self._data.engine.connect() as connection:
                query = select(func.count()).where(billable_contract.c.state == "open")
                if not connection.execute(query).scalar_one() and self._clock.minute() > last + 2:
                    break
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    async def _hold_to_promises(self) -> None:
        engine, drivers = self._data.engine, {node: driver for node, (_h, _f, driver) in self._agents.items()}
        up = [name for driver in drivers.values() for name in driver.up()]
        lost = {node for node, (_host, file, _driver) in self._agents.items() if file.changed}
        skewed, lossy = self.faults.skewed, self.faults.restores > 0 and self.faults.bus_lost
        broken = {name for driver in drivers.values() for name in driver.broken}
        slack = SLACK_SECONDS + (200 if skewed else 0)
        self._look()
        self._must(checks.ended(engine, up))
        self._must(checks.books(engine))
        self._must(checks.audited(engine))
        lacking = set(self._agents) if skewed or lossy else lost
        commanded = self.notebook.commanded
        self._must(checks.delivered(engine, self._runs(), lacking.__contains__, broken, commanded, slack))
        self._must(checks.refused(engine, lacking.__contains__, self.faults.given_up))
        for _placement, told in self.notebook.placed.values():
            self._must(checks.as_answered(engine, told))
        client = await product_bus.connect(SETTINGS, "checker")
        placed = list(self.notebook.placed.values())
        answers = await _asked_again(RemoteEngine(client), [placement for placement, _told in placed])
        for (_placement, told), again in zip(placed, answers, strict=True):
            self._must(checks.given_back(told, again))
        await client.close()

    def _must(self, difference: str | None) -> None:
        if difference is not None:
            raise Broken(difference)


async def _asked_again(engine: RemoteEngine, placements: list[Placement]) -> list[Answer]:
    """The answers; an engine that has just ended comes back by itself, within a lease."""
    until = asyncio.get_running_loop().time() + 2 * SETTINGS.lease_seconds
    while True:
        try:
            return await engine.submit(ZONE, placements)
        except Unavailable:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.5)
