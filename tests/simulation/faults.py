"""Faults, drawn one after the other while the market trades, and their end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.agent_file import AgentFile
from tests.simulation.backup import Backup
from tests.simulation.bus import Bus
from tests.simulation.clocks import SPEED
from tests.simulation.database import FAULTS, SimulatedDatabase
from tests.simulation.hosts import Host
from tests.simulation.hypervisor import WatchedDriver
from tests.simulation.loop import SimulatedLoop
from tests.simulation.notebook import Notebook

PAUSE_SECONDS = 0.6
SERVERS = ("engine-a", "engine-a", "engine-b", "engine-b", "worker-a", "worker-a", "market")
TEN_MINUTES_SECONDS = 600 / SPEED
SKEW_MICROS = 750_000
"""How far a process's clock can be off, in real time: one and a half market minutes."""


@dataclass
class Faults:
    """What can go wrong, and what has. `slow` maps a process's name to the seconds that its threads take at most.

    `bus_lost` says that streams have lost something, `given_up` names the contracts that a restore has taken away.
    """

    rng: random.Random
    loop: SimulatedLoop
    wired: Bus
    database: SimulatedDatabase
    hosts: dict[str, Host]
    agents: dict[str, tuple[Host, AgentFile, WatchedDriver]]
    notebook: Notebook
    slow: dict[str, float] = field(default_factory=dict)
    ever_slow: set[str] = field(default_factory=set)
    losing_acks: bool = False
    skewed: bool = False
    bus_lost: bool = False
    given_up: set[str] = field(default_factory=set)
    backup: Backup | None = None
    restores: int = 0
    log: list[str] = field(default_factory=list)

    async def strike(self) -> None:
        """Until it is canceled."""
        kinds: list[tuple[int, Callable[[], str]]] = [
            (8, self._kill_server),
            (8, self._stop_server),
            (5, self._kill_agent),
            (3, self._stop_agent),
            (5, self._cut),
            (3, self._bus_loses_power),
            (6, self._commit),
            (3, self._slow),
            (5, self._guest_down),
            (3, self._hypervisor),
            (3, self._agent_file),
            (2, self._acknowledgements),
            (1, self._clock),
            (2, self._bus_is_emptied),
            (4, self._backup),
            (1, self._node_is_gone),
        ]
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / PAUSE_SECONDS))
            [(_weight, kind)] = self.rng.choices(kinds, [weight for weight, _kind in kinds])
            self.log.append(f"{self.loop.time():8.3f} {kind()}")

    def heal(self) -> None:
        """Nothing more goes wrong; what was killed or stopped is coming back."""
        for host in self.hosts.values():
            self.wired.network.heal(host.name)
            host.resume(host.process)
        self.slow.clear()
        self.database.faults.clear()
        self.losing_acks = False
        for _host, _file, driver in self.agents.values():
            driver.failing_until_ms = 0
        self.log.append(f"{self.loop.time():8.3f} healed")

    def _server(self) -> Host:
        return self.hosts[self.rng.choice(SERVERS)]

    def _kill_server(self) -> str:
        host = self._server()
        host.kill(self.rng.uniform(0.1, 3))
        return f"kill {host.name}"

    def _stop_server(self) -> str:
        host = self._server()
        seconds = self.rng.uniform(0.5, 2 if host.name == "market" else 8)
        host.stop(seconds)
        return f"stop {host.name} for {seconds:.1f} s"

    def _agent(self) -> tuple[Host, AgentFile, WatchedDriver]:
        return self.agents[self.rng.choice(sorted(self.agents))]

    def _kill_agent(self) -> str:
        host, _file, _driver = self._agent()
        host.kill(self.rng.uniform(0.1, 6))
        return f"kill {host.name}"

    def _stop_agent(self) -> str:
        host, _file, _driver = self._agent()
        host.stop(self.rng.uniform(0.5, 8))
        return f"stop {host.name}"

    def _cut(self) -> str:
        name, seconds = self.rng.choice(sorted(self.hosts)), self.rng.uniform(0.2, 2)
        if name.startswith("agent") and self.rng.random() < 0.5:
            seconds = TEN_MINUTES_SECONDS
        return self._cut_off([name], seconds)

    def _bus_loses_power(self) -> str:
        """With the machine of the workers, which are first to go: what comes then is acknowledged by the bus alone."""
        for host in self.hosts.values():
            if host.name.startswith("worker"):
                host.kill(self.rng.uniform(1.5, 3))
        self.loop.call_later(self.rng.uniform(0.1, 1.2), self._lose_tails)
        return "the bus loses power"

    def _bus_is_emptied(self) -> str:
        """Its disk is lost: it comes back without streams and consumers."""
        self.bus_lost = True
        self.wired.jetstream.forget_everything()
        return f"the bus is emptied, {self._cut_off(sorted(self.hosts), self.rng.uniform(0.2, 2))}"

    def _lose_tails(self) -> None:
        self.bus_lost = True
        for stream in self.wired.jetstream.streams.values():
            stream.lose_tail(self.rng.randrange(4))
        self._cut_off(sorted(self.hosts), self.rng.uniform(0.2, 2))

    def _cut_off(self, names: list[str], seconds: float) -> str:
        for name in names:
            self.wired.network.cut(name)
            self.loop.call_later(seconds, self.wired.network.heal, name)
        return f"cut {', '.join(names)} for {seconds:.1f} s"

    def _commit(self) -> str:
        names = self.rng.choice((("engine-a", "engine-b"), ("worker-a", "worker-b")))
        fault = self.rng.choice(FAULTS)
        self.database.faults.update(dict.fromkeys(names, fault))
        return f"a commit of {' or '.join(names)} {fault}"

    def _slow(self) -> str:
        name = self.rng.choice(sorted(self.hosts))
        self.ever_slow.add(name)
        self.slow[name] = self.rng.uniform(0.2, 3)
        self.loop.call_later(self.rng.uniform(1, 6), self.slow.pop, name, None)
        return f"slow {name}: {self.slow[name]:.1f} s"

    def _guest_down(self) -> str:
        _host, _file, driver = self._agent()
        up = driver.up()
        if not up:
            return "no guest to crash"
        contract = self.rng.choice(sorted(up))
        is_guest = contract in driver.domains
        (driver.crash if is_guest and self.rng.random() < 0.6 else driver.vanish)(contract)
        return f"guest down {contract}"

    def _hypervisor(self) -> str:
        host, _file, driver = self._agent()
        driver.fail_for_ms(self.rng.randrange(300_000))
        return f"hypervisor of {host.name} fails"

    def _agent_file(self) -> str:
        host, file, _driver = self._agent()
        act = self.rng.choice((file.back_up, file.back_up, file.restore, file.lose))
        if act == file.back_up:
            file.back_up()
        else:
            host.kill(self.rng.uniform(0.1, 6), act)
        return f"{act.__name__} file of {host.name}"

    def _acknowledgements(self) -> str:
        self.losing_acks = True
        self.loop.call_later(self.rng.uniform(0.5, 5), self._keep_acknowledgements)
        return "acknowledgements get lost"

    def _keep_acknowledgements(self) -> None:
        self.losing_acks = False

    def _backup(self) -> str:
        """One is made, or the database is set back to the one that there is; agents and the bus are further on then."""
        if self.backup is None or self.rng.random() < 0.3:
            self.backup = Backup(self.database.engine, self.notebook)
            return "a backup of the database"
        for name, host in self.hosts.items():
            if not name.startswith("agent"):
                host.kill(self.rng.uniform(0.5, 3))
        self.given_up |= self.backup.put_back()
        self.database.faults.clear()
        self.restores += 1
        return "the database is set back"

    def _node_is_gone(self) -> str:
        """For longer than contracts wait for it."""
        host, _file, _driver = self._agent()
        return self._cut_off([host.name], 2 * TEN_MINUTES_SECONDS)

    def _clock(self) -> str:
        host = self.hosts[self.rng.choice(sorted(self.hosts))]
        host.skew_micros = self.rng.randrange(-SKEW_MICROS, SKEW_MICROS)
        host.kill(self.rng.uniform(0.1, 3))
        self.skewed = True
        return f"clock of {host.name} is {host.skew_micros} us ahead"
