"""One seed: a market lives through some of its hours with faults, is healed, and is held to its promises."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from billing.tables import billable_contract
from common.clock import MarketClock
from market.engine.client import EngineClient, RemoteEngine
from market.engine.commands import Answer, Command
from provisioner.store import Store
from runtime import bus as product_bus
from tests.simulation import checks, delivery
from tests.simulation.agent_file import AgentFile
from tests.simulation.agreement import agreement, kept
from tests.simulation.asking import asked_again
from tests.simulation.bus import Bus
from tests.simulation.clocks import IN_THE_MIDDLE, NEAR_THE_END, SPEED, SimulatedClock, anchor_at
from tests.simulation.complaints import surprising
from tests.simulation.database import SimulatedDatabase
from tests.simulation.delivery import Seen
from tests.simulation.desk import Desk, end_reselling, reselling
from tests.simulation.faults import Faults
from tests.simulation.hosts import Host, bury
from tests.simulation.hypervisor import Run, WatchedDriver
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.market import found
from tests.simulation.notebook import Notebook
from tests.simulation.processes import GRACE_MINUTES, SETTINGS, Server, agent, market
from tests.simulation.traders import Trader

ACTIVE_SECONDS = 12
AGREE_SECONDS = 60
"""Real time within which everybody agrees again, once nothing goes wrong any more."""
OBEY_SECONDS = 5  # within which guests obey, while all is well
BEGIN_SECONDS = 0.75  # within which guests begin that were bought while all is well
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
        desk = Desk(data.engine, self._clock)
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
        striking = asyncio.create_task(self.faults.strike() if with_faults else asyncio.sleep(0))
        try:
            await self._watch(ACTIVE_SECONDS)
            striking.cancel()
            self.faults.heal()
            self.notebook.is_open = False
            end_reselling(self._data.engine, self._clock.minute())
            await self._agree(AGREE_SECONDS)
            await self._trade_on()
            await asyncio.gather(*(trader.command_all() for trader in self._traders))
            await self._agree(OBEY_SECONDS)
            await self._come_to_an_end()
            await self._hold_to_promises()
        except Broken as broken:
            return str(broken)
        finally:
            striking.cancel()
            self._wired.network.close()
            for host in self.hosts.values():
                host.close()
            await bury(self._loop, list(self.hosts.values()))
        return None

    def _host(self, name: str, main: Callable[[SimulatedClock], Coroutine[Any, Any, None]]) -> Host:
        self.hosts[name] = Host(self._loop, name, main, self._died)
        return self.hosts[name]

    def _trading(self, engine: EngineClient) -> list[Coroutine[Any, Any, None]]:
        return [trader.trade(engine) for trader in self._traders]

    def _died(self, process: Process) -> None:
        self._wired.network.hang_up(process)
        self._data.hang_up(process)

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
        well_since = self._clock.now_ms() - checks.OVERDUE_MINUTES * delivery.MS_PER_MINUTE
        began = self._loop.time() - host.up_since > WELL_SECONDS and host.is_running
        return began and driver.failing_until_ms < well_since and host.name not in self.faults.slow

    async def _agree(self, seconds: float) -> None:
        end = self._loop.time() + seconds
        while (difference := self._disagreement()) is not None and self._loop.time() < end:  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.5)
        self._must(difference)

    def _disagreement(self) -> str | None:
        if any(trader.intended for trader in self._traders):
            return "somebody never comes to what it wants to do"
        if in_doubt := [trader.in_doubt for trader in self._traders if trader.in_doubt is not None]:
            return f"{in_doubt[0]} is still in doubt"
        if node := reselling(self._data.engine):
            return f"node {node} does not end to sell by itself"
        for node, (host, file, driver) in self._agents.items():
            if not file.path().exists():
                return f"{host.name} is not back"
            store = Store(file.path(), node)
            held = store.guests()
            store.close()
            if left := self.faults.given_up.intersection(driver.up()):
                return f"{host.name} runs {min(left)}, which the restored market does not know"
            difference = agreement(self._data.engine, node, held, driver, self._clock.minute())
            if difference is not None:
                return difference
        return None

    async def _trade_on(self) -> None:
        """In peace, so that there is something to command which lives long enough to be held to it."""
        for trader in self._traders:
            trader.intend()
        await self._agree(AGREE_SECONDS)
        await asyncio.sleep(BEGIN_SECONDS)

    async def _come_to_an_end(self) -> None:
        columns, last = billable_contract.c, self._clock.minute()
        query = select(func.max(columns.end_minute), func.count().filter(columns.state == "open"))
        while self._clock.minute() < last + GRACE_MINUTES + 10:
            with self._data.engine.connect() as connection:
                newest, are_open = connection.execute(query).one()
            last = newest or 0
            if not are_open and self._clock.minute() > last + 2:
                return
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    async def _hold_to_promises(self) -> None:
        engine, drivers = self._data.engine, [driver for _host, _file, driver in self._agents.values()]
        self._look()
        self._must(checks.ended(engine, [name for driver in drivers for name in driver.up()]) or checks.books(engine))
        self._must(checks.audited(engine))
        self._must(checks.exclusive(engine))
        self._must(kept(engine, self.notebook.ordered))
        self._must(delivery.difference(engine, self._seen()))
        self._must(checks.refused(engine, self._forgetful().__contains__, self.faults.given_up))
        for _placed, told in self.notebook.placed.values():
            self._must(checks.as_answered(engine, told))
        client, orders = await product_bus.connect(SETTINGS, "checker"), list(self.notebook.placed.values())
        answers = await asked_again(RemoteEngine(client), [placed for placed, _ in orders])
        for (_placed, told), again in zip(orders, answers, strict=True):
            self._must(checks.given_back(told, again))
        await client.close()

    def _forgetful(self) -> set[str]:
        """The nodes whose agents have lost what they knew, or have heard of another time."""
        if self.faults.skewed or (self.faults.restores > 0 and self.faults.bus_lost):
            return set(self._agents)
        return {node for node, (_host, file, _driver) in self._agents.items() if file.changed}

    def _seen(self) -> Seen:
        """What was delivered, and of which contracts less may be metered."""
        careless, offs, forgetful = set[str](), list[Run](), self._forgetful()
        for node, (host, _file, driver) in self._agents.items():
            careless, offs = careless | driver.broken, offs + driver.offs
            for run in driver.runs:
                is_volume = run.instance == 0
                is_late = host.name in self.faults.ever_slow and run.contract in self.notebook.commanded
                if node in forgetful or is_late or (is_volume and driver.has_failed):
                    careless.add(run.contract)
        slack = SLACK_SECONDS + 200 * self.faults.skewed
        given_back = frozenset(run.contract for run in self._runs() if self.faults.restores > 0)
        return Seen(self._runs(), offs, frozenset(careless), frozenset(self.notebook.commanded), given_back, slack)

    def _must(self, difference: str | None) -> None:
        if difference is not None:
            raise Broken(difference)
