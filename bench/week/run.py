"""The week from its first process to its verdict."""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from rich.console import Console
from sqlalchemy import Engine, func, select

from bench.processor_time import own_seconds, seconds_of_family
from bench.week import cast, verdict
from bench.week.demand import Demand
from bench.week.scene import Scene, begin_to_sell, set_scene
from bench.week.shopping import Shoppers
from billing.tables import usage_watermark
from common.clock import MarketClock, SystemClock
from common.errors import Unavailable
from common.minutes import MICROS_PER_MINUTE, MINUTES_PER_DAY, minute_of
from market.tables import node, reseller
from nestex.bootstrap import NewDeployment
from nestex.local import LocalMarket, running_market
from nestex.stack.stack import discard
from runtime.database import connect
from runtime.deployment import market_clock

_MONDAY = minute_of(datetime(2027, 3, 1, tzinfo=UTC))
"""Any Monday with a week of its month after it."""
_GRACE_MINUTES = 600
"""Two real minutes at five market minutes a second: for reports that a killed worker kept waiting."""
_ONLINE_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_TELL_HOURS = 12
_PROCESSES = ("postgres", "nats", "market", f"engine-{cast.ZONE}", "worker", "agents")


@dataclass
class Week:
    """A running market, and what was seen of it. `behind` are minutes by which the resellers' last turns, and by which
    the metering, were behind the clock."""

    market: LocalMarket
    database: Engine
    clock: MarketClock
    console: Console
    scene: Scene
    begin: int
    shoppers: Shoppers
    behind: dict[str, list[int]] = field(default_factory=lambda: {"resellers": [], "metering": []})
    buried_seconds: float = 0.0

    def play(self, demand: Demand, minutes: int, kills: int) -> None:
        """So many minutes, with so many deaths of the worker, evenly spread."""
        played, end = self.begin, self.begin + minutes
        deaths = [self.begin + (number + 1) * minutes // (kills + 1) for number in range(kills)]
        while played < end:
            now = min(self.clock.minute(), end)
            for minute in range(played, now):
                for wish in demand.of(minute):
                    self.shoppers.want(wish, minute)
                self.shoppers.leave(minute)
                if (minute - self.begin) % (_TELL_HOURS * 60) == 0:
                    self._tell(minute)
            while deaths and deaths[0] <= now:
                self._kill_worker()
                deaths.pop(0)
            if now // 60 > played // 60:
                self._look()
            played = now
            self.market.supervisor.watch(_LOOK_SECONDS)

    def worked(self) -> dict[str, float]:
        """Seconds of processor time of every process until now."""
        supervisor = self.market.supervisor
        used = {name: seconds_of_family(supervisor.pid(name)) for name in _PROCESSES}
        return used | {"worker": used["worker"] + self.buried_seconds, "consumers": own_seconds()}

    def _kill_worker(self) -> None:
        pid = self.market.supervisor.pid("worker")
        self.buried_seconds += seconds_of_family(pid)
        os.kill(pid, signal.SIGKILL)

    def _tell(self, minute: int) -> None:
        hours, came = (minute - self.begin) // 60, dict(sorted(self.shoppers.came_to.items()))
        self.console.print(f"  after {hours} hours: {came}; minutes behind: {self._newest()}")

    def _newest(self) -> dict[str, int]:
        return {name: lags[-1] for name, lags in self.behind.items() if lags}

    def _look(self) -> None:
        """How far the market's followers are behind its clock."""
        with self.database.begin() as connection:
            turned = connection.execute(select(func.min(reseller.c.turn_minute))).scalar_one()
            metered = connection.execute(select(func.max(usage_watermark.c.minute))).scalar_one()
        minute = self.clock.minute()
        if turned and metered:
            self.behind["resellers"].append(minute - turned)
            self.behind["metering"].append(minute - metered)


def main(arguments: list[str]) -> int:
    """0 when everything holds, 1 when something is off."""
    parser = argparse.ArgumentParser(prog="python -m bench week", description=__doc__)
    parser.add_argument("--days", type=float, default=7.0, help="market days")
    parser.add_argument("--speed", type=int, default=300, help="market minutes in a real minute")
    parser.add_argument("--nodes", type=int, default=20, help="a multiple of four")
    parser.add_argument("--seed", type=int, default=1, help="of what consumers want")
    parser.add_argument("--kills", type=int, help="deaths of the worker; else two a day")
    wanted = parser.parse_args(arguments)
    minutes = round(wanted.days * MINUTES_PER_DAY)
    kills = max(1, minutes // 720) if wanted.kills is None else wanted.kills
    console, nodes = Console(highlight=False, soft_wrap=True), cast.nodes(wanted.nodes)
    with _played(console, nodes, minutes, wanted.speed, wanted.seed, kills) as week:
        found = verdict.results(week.scene.nodes)
        for line in [*verdict.table(found), *_told(week, minutes, kills)]:
            console.print(line)
        wrong = verdict.off(week.database, week.scene.nodes, found)
    for sentence in wrong:
        console.print(f"off: {sentence}", style="bold red")
    if not wrong:
        console.print("never oversold, books and audit ok, and it pays to learn", style="bold green")
    return 1 if wrong else 0


def _told(week: Week, minutes: int, kills: int) -> Iterator[str]:
    """How the processes fared."""
    for name, lags in week.behind.items():
        if lags:
            yield f"{name}: {mean(lags):.1f} minutes behind the clock in the mean, {max(lags)} at most"
    yield f"the worker was killed {kills} times"
    cost = {name: f"{seconds * 1000 / minutes:.0f}" for name, seconds in week.worked().items()}
    yield "milliseconds of processor time a market minute: " + ", ".join(
        f"{name} {spent}" for name, spent in cost.items()
    )


@contextmanager
def _played(
    console: Console, nodes: list[cast.NodeCast], minutes: int, speed: int, seed: int, kills: int
) -> Iterator[Week]:
    real, end = SystemClock(), _MONDAY + minutes
    with _data_folder() as data:
        new = NewDeployment(clock_speed=speed, market_micros=(_MONDAY - speed) * MICROS_PER_MINUTE)
        told = {"NESTEX_GRACE_MINUTES": str(_GRACE_MINUTES)}
        with running_market(data, real, [cast.ZONE], new, extra=told) as market:
            database = connect(market.stack.database_url, application="bench week", pool_size=1)
            with database.begin() as connection:
                clock = market_clock(connection, real)
            scene = set_scene(market, nodes, end)
            _await_online(market, database, real)
            for each in scene.nodes:
                begin_to_sell(each)
            shoppers = Shoppers(scene.buyers, market.supervisor.watch)
            week = Week(market, database, clock, console, scene, clock.minute(), shoppers)
            slices = sum(each.capacity.vcpus - each.kept.vcpus for each in nodes)
            week.play(Demand(seed, week.begin, slices, cast.floor_micros()), minutes, kills)
            yield week
            database.dispose()


def _await_online(market: LocalMarket, database: Engine, real: SystemClock) -> None:
    until = real.monotonic() + _ONLINE_SECONDS
    while True:
        with database.begin() as connection:
            states = set(connection.execute(select(node.c.state)).scalars())
        if states == {"online"}:
            return
        if real.monotonic() > until:
            raise Unavailable("stack_failed", "the agents did not come online")
        market.supervisor.watch(_LOOK_SECONDS)


@contextmanager
def _data_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="nestex-week-"))
    path.chmod(0o711)  # PostgreSQL runs as another user when the scenario runs as root
    try:
        yield path
    except BaseException:
        Console(stderr=True).print(f"the data folder with all logs is kept: {path}")
        raise
    discard(path)
