"""Random providers and buyers, and the notebook in which they keep what they were told."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from common.clock import MarketClock
from common.errors import NestexError, Unavailable
from common.ids import derived_id
from market.contracts import command_guest as commands
from market.contracts.change_guest import rescale
from market.contracts.command_guest import Change
from market.engine.client import EngineClient
from market.engine.commands import (
    AmendOrder,
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
from tests.simulation.market import SPOT_CODE
from tests.simulation.notebook import Notebook

PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = (0.5, 3.0)
"""A caller gives up before the market does, as a client of its HTTP interface would."""
RELEASES, RECLAIMS, COMMANDS = 0.04, 0.06, 0.12
"""So often somebody releases a contract, if it has any, or reclaims one that it sold, or commands its guest."""
COMMANDED: tuple[Change, ...] = (
    commands.stop,
    commands.pause,
    commands.start,
    commands.start,
    commands.resume,
    commands.restart,
    rescale(memory_mib=1024),
)
SPOT = 0.3
"""So many orders are for slices that their providers may reclaim."""
PRICES = (120, 150, 180, 200, 220)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a trader does besides asking the engine. `bought` and `reclaimable` tell a participant's contracts that have
    not ended, `command` carries out a change of the guest of one."""

    bought: Callable[[str], list[str]]
    reclaimable: Callable[[str], list[str]]
    command: Callable[[str, str, Change], Awaitable[None]]


class Trader:
    """A participant. What it does not know the outcome of, it asks again by the same client_order_id."""

    def __init__(
        self, seed: str, participant: str, nodes: tuple[str, ...], notebook: Notebook, clock: MarketClock, desk: Desk
    ) -> None:
        self.participant = participant
        self.in_doubt: Placement | None = None
        self._rng = random.Random(seed)
        self._seed = seed
        self._nodes = nodes
        self._notebook = notebook
        self._minute = clock.minute
        self._desk = desk
        self._orders: list[str] = []
        self._numbers = 0

    async def trade(self, engine: EngineClient) -> None:
        """For ever; after the notebook is closed, only until nothing is in doubt."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / PAUSE_SECONDS))
            if self.in_doubt is not None:
                await self._send(engine, dataclasses.replace(self.in_doubt, order=self._new_id()))
            elif self._notebook.is_open:
                next_command = self._next()
                if isinstance(next_command, tuple):
                    await self._command(*next_command)
                else:
                    await self._send(engine, next_command)

    async def _command(self, contract: str, change: Change) -> None:
        self._notebook.commanded.add(contract)
        with suppress(NestexError, DBAPIError):  # the contract may be over; it may not be known whether it happened
            await self._desk.command(self.participant, contract, change)

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

    def _next(self) -> Command | tuple[str, Change]:
        draw, orders = self._rng.random(), [order for order in self._orders[-8:] if order in self._notebook.placed]
        if draw < RELEASES and (running := self._desk.bought(self.participant)):
            return EndContract(self._rng.choice(running), "release", self.participant)
        if RELEASES <= draw < RECLAIMS and (sold := self._desk.reclaimable(self.participant)):
            return EndContract(self._rng.choice(sold), "reclaim", self.participant)
        if RECLAIMS <= draw < COMMANDS and (running := self._desk.bought(self.participant)):
            return self._rng.choice(running), self._rng.choice(COMMANDED)
        if draw < 0.72 or not orders:
            return self._ask() if self._nodes and self._rng.random() < 0.9 else self._bid()
        order = self._rng.choice(orders)
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
            instrument=self._instrument(),
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
            instrument=self._instrument(),
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

    def _instrument(self) -> str:
        return SPOT_CODE if self._rng.random() < SPOT else CODE

    def _new_id(self) -> str:
        self._numbers += 1
        return derived_id("ord", self._minute() * 60_000, self._seed, self._numbers)
