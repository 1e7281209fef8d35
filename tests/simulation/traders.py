"""Random providers and buyers, and the notebook in which they keep what they were told."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.clock import MarketClock
from common.errors import Unavailable
from common.ids import derived_id
from market.engine.client import EngineClient
from market.engine.commands import (
    AmendOrder,
    Answer,
    CancelAll,
    CancelOrder,
    Command,
    EndContract,
    GuestTemplate,
    PlaceAsk,
    PlaceBid,
    Placement,
    PreviewOrder,
)
from matching.commands import TimeInForce
from tests.market.factories import CODE, ZONE

PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = (0.5, 3.0)
"""A caller gives up before the market does, as a client of its HTTP interface would."""
RELEASES = 0.04
"""So often somebody releases a contract, if it has any."""
PRICES = (120, 150, 180, 200, 220)


@dataclass
class Notebook:
    """What the market has acknowledged. `heard` is called at every answer."""

    heard: Callable[[Command, Answer], None]
    placed: dict[str, tuple[Placement, dict[str, Any]]] = field(default_factory=dict)
    is_open: bool = True
    answers: int = 0
    unknown: int = 0


class Trader:
    """A participant. What it does not know the outcome of, it asks again by the same client_order_id."""

    def __init__(
        self,
        seed: str,
        participant: str,
        nodes: tuple[str, ...],
        notebook: Notebook,
        clock: MarketClock,
        bought: Callable[[str], list[str]],
    ) -> None:
        self.participant = participant
        self.in_doubt: Placement | None = None
        self._rng = random.Random(seed)
        self._seed = seed
        self._nodes = nodes
        self._notebook = notebook
        self._minute = clock.minute
        self._bought = bought
        self._orders: list[str] = []
        self._numbers = 0

    async def trade(self, engine: EngineClient) -> None:
        """For ever; after the notebook is closed, only until nothing is in doubt."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / PAUSE_SECONDS))
            if self.in_doubt is not None:
                await self._send(engine, dataclasses.replace(self.in_doubt, order=self._new_id()))
            elif self._notebook.is_open:
                await self._send(engine, self._next())

    async def _send(self, engine: EngineClient, command: Command) -> None:
        if isinstance(command, PlaceAsk | PlaceBid):
            self.in_doubt = command
        try:
            async with asyncio.timeout(self._rng.uniform(*PATIENCE_SECONDS)):
                [answer] = await engine.submit(ZONE, [command])
        except (Unavailable, TimeoutError):
            self._notebook.unknown += 1
            return
        if isinstance(command, PlaceAsk | PlaceBid):
            self.in_doubt = None
            if answer.order is not None:
                self._orders.append(answer.order["id"])
                self._notebook.placed[answer.order["id"]] = command, answer.order
        elif answer.order is not None and isinstance(command, AmendOrder | CancelOrder):
            placement, _before = self._notebook.placed[command.order]
            self._notebook.placed[command.order] = placement, answer.order
        self._notebook.answers += 1
        self._notebook.heard(command, answer)

    def _next(self) -> Command:
        draw = self._rng.random()
        if draw < RELEASES and (running := self._bought(self.participant)):
            return EndContract(self._rng.choice(running), "release", self.participant)
        if draw < 0.72 or not self._orders:
            return self._ask() if self._nodes and self._rng.random() < 0.9 else self._bid()
        order = self._rng.choice(self._orders[-8:])
        if draw < 0.80:
            return CancelOrder(order, self.participant)
        if draw < 0.94:
            return self._amendment(order)
        if draw < 0.97:
            return PreviewOrder(self._bid())
        return CancelAll(self.participant, side=self._rng.choice((None, "bid", "ask")))

    def _amendment(self, order: str) -> AmendOrder:
        placement, row = self._notebook.placed[order]
        amendment = AmendOrder(order, self.participant, row["revision"])
        if self._rng.random() < 0.5:
            return dataclasses.replace(amendment, price_micros=self._rng.choice(PRICES))
        if isinstance(placement, PlaceBid):
            return dataclasses.replace(amendment, guests=max(1, row["guests"] - 1))
        return dataclasses.replace(amendment, slices=max(1, row["slices"] - self._rng.randint(1, 2)))

    def _ask(self) -> PlaceAsk:
        rng, now = self._rng, self._minute()
        kind: TimeInForce = rng.choice(("gtc", "gtc", "gtc", "gtd", "ioc"))
        return PlaceAsk(
            order=self._new_id(),
            participant=self.participant,
            client_order_id=f"c{self._numbers}",
            instrument=CODE,
            price_micros=rng.choice(PRICES[:4]),
            time_in_force=kind,
            node=rng.choice(self._nodes),
            slices=rng.randint(1, 4),
            available_from=rng.choice((None, now + rng.randint(1, 8))),
            available_until=now + rng.randint(10, 80),
            min_minutes=rng.randint(1, 3),
            expires_at=now + rng.randint(2, 15) if kind == "gtd" else None,
            post_only=kind == "gtc" and rng.random() < 0.15,
        )

    def _bid(self) -> PlaceBid:
        rng, now = self._rng, self._minute()
        kind: TimeInForce = rng.choice(("gtc", "gtc", "gtc", "gtd", "ioc", "fok"))
        start = rng.choice((None, now + rng.randint(1, 8)))
        return PlaceBid(
            order=self._new_id(),
            participant=self.participant,
            client_order_id=f"c{self._numbers}",
            instrument=CODE,
            price_micros=rng.choice(PRICES[1:]),
            time_in_force=kind,
            guests=rng.randint(1, 3),
            slices_per_guest=rng.randint(1, 2),
            duration_minutes=rng.randint(15, 30) if rng.random() < 0.2 else rng.randint(1, 9),
            start_from=start,
            start_by=None if start is None else start + rng.randint(0, 5),
            template=GuestTemplate("web", "default"),
            expires_at=now + rng.randint(2, 15) if kind == "gtd" else None,
            post_only=kind == "gtc" and rng.random() < 0.1,
            self_trade_prevention=rng.choice(("cancel_taker", "cancel_maker", "cancel_both")),
        )

    def _new_id(self) -> str:
        self._numbers += 1
        return derived_id("ord", self._minute() * 60_000, self._seed, self._numbers)
