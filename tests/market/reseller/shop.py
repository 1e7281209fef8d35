"""A node that sells by itself, in the small market of tests/market: a real engine in this process, turns by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from common.errors import Unavailable
from common.wire import Capacity
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, Command
from market.engine.reads import Question
from market.reseller.keep import Kept, find_reseller, put_reseller, stop_reseller
from market.reseller.settings import ResellerSettings
from market.tables import contract, orders
from market.worker.resellers import Resellers
from matching.views import OpenAsk
from tests.market.factories import CODE, World, order

PROVIDER_CASH = 10_000_000_000
OPEN = ("new", "partially_filled")


@dataclass
class InProcess:
    """The engine's port, without a bus. It notes what it was asked; `fails` loses the answer, after or before it was
    entered."""

    processor: BatchProcessor
    asked: list[tuple[int, list[Command]]] = field(default_factory=list)
    fails: str = ""

    async def submit(self, shard: str, commands: Sequence[Command]) -> list[Answer]:
        self.asked.append((self.processor.clock.minute(), list(commands)))
        if self.fails == "before":
            raise Unavailable("engine_unavailable", "no engine is running")
        answers = self.processor.process(list(commands))
        if self.fails == "after":
            raise Unavailable("engine_unavailable", "the answer was lost")
        return answers

    async def ask(self, shard: str, question: Question) -> dict[str, Any]:
        raise AssertionError("resellers ask nothing")


class Shop:
    """A provider, its node, and its reseller."""

    def __init__(self, world: World, *, cash: int = PROVIDER_CASH, vcpus: int = 8, **wishes: Any) -> None:
        self.world = world
        self.provider = world.provider(cash)
        self.node = world.node(self.provider, vcpus=vcpus)
        self.buyer = world.participant(PROVIDER_CASH)
        self.engine = InProcess(world.engine())
        self.put(**wishes)

    def put(self, *, enabled: bool = True, **wishes: Any) -> Kept:
        with self.world.begin() as connection:
            settings = self.settings(**wishes)
            return put_reseller(connection, self.provider, self.node, settings, self.world.minute, enabled=enabled)

    def settings(self, **wishes: Any) -> ResellerSettings:
        """Eight slices at 60 %, fee 5 %: 0.48 per hour make a floor of 1755 micros per slice-minute."""
        defaults: dict[str, Any] = {
            "instruments": (CODE,),
            "until": self.world.minute + 5000,
            "cost_micros_per_hour": 480_000,
            "strategy": "fixed",
            "ahead_minutes": 800,
        }
        return ResellerSettings(**(defaults | wishes))

    def stop(self) -> Kept:
        with self.world.begin() as connection:
            return stop_reseller(connection, self.provider, self.node, self.world.minute)

    def kept(self) -> Kept:
        with self.world.begin() as connection:
            return find_reseller(connection, self.provider, self.node)

    def turn(self, minutes: int = 1) -> int:
        """Let so many minutes pass, with a turn in each."""
        asked = 0
        for _ in range(minutes):
            self.world.real.pass_minutes(1)
            asked += self.turn_now()
        return asked

    def turn_now(self) -> int:
        return asyncio.run(Resellers(self.world.database, self.world.clock, self.engine).turn_once())

    def buy(self, **fields: Any) -> dict[str, Any]:
        bid = self.world.bid(self.buyer, **({"price_micros": 100_000, "time_in_force": "ioc"} | fields))
        return order(self.engine.processor.process([bid]))

    def offers(self) -> list[dict[str, Any]]:
        """The open asks of the node, oldest first."""
        last = orders.c.available_until > self.world.minute
        query = select(orders).where(orders.c.node_id == self.node, orders.c.state.in_(OPEN), last)
        with self.world.begin() as connection:
            return [dict(row) for row in connection.execute(query.order_by(orders.c.id)).mappings()]

    def free_in(self, minute: int) -> int:
        """Slices that the node's open asks still offer in this minute, as the engine has it."""
        return self.free(minute, minute + 1)[0]

    def sold_in(self, minute: int) -> int:
        """Slices of the node under contract in this minute."""
        return self.sold(minute, minute + 1)[0]

    def free(self, start: int, end: int) -> list[int]:
        """The same, for each minute of [start, end)."""
        shard = self.engine.processor.state.shard
        views = [shard.open_order(offer["id"]) for offer in self.offers()]
        profiles = [view.profile for view in views if isinstance(view, OpenAsk)]
        return [sum(profile.level(minute) for profile in profiles) for minute in range(start, end)]

    def offered(self, start: int, end: int) -> list[int]:
        """Slices that the open asks offer at once, for each minute of [start, end): of linked ones the most of any."""
        shard = self.engine.processor.state.shard
        views = {offer["id"]: shard.open_order(offer["id"]) for offer in self.offers()}
        linked = {offer["id"] for offer in self.offers() if offer["linked"]}
        profiles = {name: view.profile for name, view in views.items() if isinstance(view, OpenAsk)}
        return [
            sum(profile.level(minute) for name, profile in profiles.items() if name not in linked)
            + max((profile.level(minute) for name, profile in profiles.items() if name in linked), default=0)
            for minute in range(start, end)
        ]

    def sold(self, start: int, end: int) -> list[int]:
        """The same, for each minute of [start, end)."""
        query = select(contract.c.slices, contract.c.start_minute, contract.c.end_minute)
        with self.world.begin() as connection:
            rows = connection.execute(query.where(contract.c.node_id == self.node, contract.c.end_minute > start)).all()
        return [
            sum(row.slices for row in rows if row.start_minute <= minute < row.end_minute)
            for minute in range(start, end)
        ]


def keep(vcpus: int) -> Capacity:
    """Headroom of so many `std` slices."""
    return Capacity(vcpus, vcpus * 2048, vcpus * 10)
