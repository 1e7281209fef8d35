"""The demo from its first process to its exit: a market with three nodes on a fast clock, on a month's last evening."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Engine, select

from common.clock import MarketClock, RealClock, SystemClock
from common.minutes import month_of, month_window
from market.tables import lease
from nestex.bootstrap import NewDeployment
from nestex.cli.account import save_documents
from nestex.cli.client import MarketClient
from nestex.cli.export import save_focus, save_journals, save_payouts
from nestex.demo import result as results
from nestex.demo.cast import ZONE
from nestex.demo.faults import Troublemaker
from nestex.demo.scene import Scene, set_scene
from nestex.demo.story import Story
from nestex.demo.summary import show
from nestex.demo.trading import Floor
from nestex.demo.watching import Watcher
from nestex.local import LocalMarket, running_market
from nestex.stack.hypervisor_kind import HypervisorKind
from nestex.stack.stack import discard
from runtime.database import connect
from runtime.deployment import market_clock


@dataclass(frozen=True, slots=True)
class _Pace:
    """Market seconds in a real one, market minutes from the first process to midnight, and from the start of one guest
    of the first act to that of the next."""

    speed: int
    before_midnight: int
    apart: int


_PACES = {HypervisorKind.TEST: _Pace(60, 50, 0), HypervisorKind.QEMU: _Pace(4, 29, 1)}
"""Guests that really boot share two cores: on a slow clock, and a few at a time, each is ready long before it ends."""

_GRACE_MINUTES = 3
_AGENTS_SECONDS = 60.0
_STORY_SECONDS = 600.0


def run_demo(
    console: Console, out: Path, json_file: Path | None, *, keep: bool, hypervisor: HypervisorKind = HypervisorKind.TEST
) -> int:
    """Play the story; 0 when everything is as it should be, else 1. Documents and exports go to `out`."""
    clock, pace = SystemClock(), _PACES[hypervisor]
    started = clock.monotonic()
    (out / "documents").mkdir(parents=True, exist_ok=True)  # before the story, should there be no place for it
    with _data_folder(console, keep) as data:
        console.print("starting PostgreSQL, nats-server, market, engine and worker", style="dim")
        new = NewDeployment(clock_speed=pace.speed, market_micros=_last_evening(clock, pace.before_midnight))
        with running_market(data, clock, [ZONE], new, extra={"NESTEX_GRACE_MINUTES": str(_GRACE_MINUTES)}) as market:
            with _database(market) as database:
                played = _play(market, database, clock, console, hypervisor)
                result = results.collect(database, played, clock.monotonic() - started, pace.speed)
            _save(out, played.documents)
            _export(out, MarketClient(market.url, market.operator_key), played.documents)
    show(console, result, played.documents, out / "documents")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(result.as_json(), indent=2) + "\n", encoding="utf-8")
    found = results.off(result, played.orders)
    for sentence in found:
        console.print(f"off: {sentence}", style="bold red")
    if not found:
        console.print(f"\nAll is well, after {result.elapsed_seconds} s.", style="bold green")
    return 1 if found else 0


def _play(
    market: LocalMarket, database: Engine, real: RealClock, console: Console, hypervisor: HypervisorKind
) -> results.Played:
    pace = _PACES[hypervisor]
    with database.begin() as connection:
        clock = market_clock(connection, real)

    def tell(sentence: str) -> None:
        console.print(f"[dim]{clock.now():%d %b %H:%M}[/dim]  {sentence}")

    def holder(shard: str) -> str:
        with database.begin() as connection:
            name: str = connection.execute(select(lease.c.holder).where(lease.c.shard == shard)).scalar_one()
            return name

    tell(f"the market is open at {market.url}, a minute lasts {60 / pace.speed:g} s")
    month = month_of(clock.minute())
    scene = set_scene(market.url, market.operator_key)
    floor, trouble = Floor(tell, market.supervisor.watch), Troublemaker(market, tell, hypervisor)
    watcher = Watcher(scene, real, market.supervisor.watch, tell)
    trouble.start_nodes([node for seller in scene.sellers for node in seller.nodes])
    watcher.nodes_online(_AGENTS_SECONDS)
    story = Story(scene, floor, watcher, trouble, holder, pace.apart)
    story.play()
    watcher.contracts_ended(_STORY_SECONDS)
    story.end()
    tell(f"waiting for the month's end and {_GRACE_MINUTES} minutes of grace")
    watcher.period_closed(month, clock.real_seconds_until(_closing_minute(clock)) + _STORY_SECONDS)
    return results.Played(floor.placed, floor.asked_again, trouble.log, _documents(scene))


def _documents(scene: Scene) -> list[dict[str, Any]]:
    parties = [(seller.cast.name, seller.client) for seller in scene.sellers]
    parties += [(buyer.cast.name, buyer.client) for buyer in scene.buyers]
    return [
        row | {"party": name, "client": client} for name, client in parties for row in client.pages("/v1/documents")
    ]


@contextmanager
def _database(market: LocalMarket) -> Iterator[Engine]:
    database = connect(market.stack.database_url, application="nestex demo", pool_size=1)
    try:
        yield database
    finally:
        database.dispose()


def _save(out: Path, documents: list[dict[str, Any]]) -> None:
    for document in documents:
        client: MarketClient = document["client"]
        save_documents(client, [document], out / "documents")


def _export(out: Path, operator: MarketClient, documents: list[dict[str, Any]]) -> None:
    """What the operator's own finance department would fetch after the close."""
    if documents:
        month = documents[0]["period"]
        save_focus(operator, out, month, everybody=True)
        operator.post("/v1/payouts", {"key": month})
        save_payouts(operator, out, month)
    save_journals(operator, out)


def _last_evening(clock: RealClock, before_midnight: int) -> int:
    """Market time, in microseconds, at which the demo starts: so many minutes before midnight at this month's end."""
    end = month_window(month_of(clock.wall_micros() // 60_000_000)).end
    return (end - before_midnight) * 60_000_000


def _closing_minute(clock: MarketClock) -> int:
    return month_window(month_of(clock.minute())).end + _GRACE_MINUTES


@contextmanager
def _data_folder(console: Console, keep: bool) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="nestex-demo-"))
    path.chmod(0o711)  # PostgreSQL runs as another user when the demo runs as root
    try:
        yield path
    except BaseException:
        console.print(f"the data folder with all logs is kept: {path}", style="dim")
        raise
    if keep:
        console.print(f"the data folder is kept: nestex up --data {path}", style="dim")
    else:
        discard(path)
