"""Random providers and buyers: what they do next, and what they do about an answer that does not come."""

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
from market.contracts.command_guest import Change
from market.engine.client import EngineClient
from market.engine.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    EndContract,
    PlaceAsk,
    PlaceBid,
    PlaceGroup,
    PreviewOrder,
    RescaleContract,
)
from tests.market.factories import CODE, ZONE
from tests.simulation.commanding import CHANGES, LASTING, deed
from tests.simulation.desk import Desk
from tests.simulation.holdings import Holding
from tests.simulation.market import BLOCK_CODE
from tests.simulation.notebook import Notebook, Placed
from tests.simulation.wishes import PRICES, Wishes

PAUSE_SECONDS = 1.0
CALM_SECONDS = 0.2
"""Between two intentions, once all is well."""
PATIENCE_SECONDS = (0.5, 3.0)
"""A caller gives up before the market does, as a client of its HTTP interface would."""
RECLAIMS, RESTS, RESELLING, HELD = 0.02, 0.25, 0.03, 0.35
"""So often somebody takes a contract back, looks what others have left of theirs, lets a node sell by itself, or does
something about a contract, if there is any."""
VOLUMES = 0.6
"""So often somebody who sells or buys for longer does so with volumes too."""

Act = Callable[[], Awaitable[None]]


class Trader:
    """A participant. What it does not know the outcome of, it asks again by the same client_order_id."""

    def __init__(
        self, seed: str, participant: str, nodes: tuple[str, ...], notebook: Notebook, clock: MarketClock, desk: Desk
    ) -> None:
        self.participant = participant
        self.in_doubt: Placed | None = None
        self.intended: list[Intention] = []
        self._rng = random.Random(seed)
        self._nodes = nodes
        self._notebook = notebook
        self._desk = desk
        self._wishes = Wishes(self._rng, seed, participant, nodes, clock.minute)
        self._orders: list[str] = []

    async def trade(self, engine: EngineClient) -> None:
        """For ever; after the notebook is closed, only until nothing is in doubt, nor intended."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / (PAUSE_SECONDS if self._notebook.is_open else CALM_SECONDS)))
            if self.in_doubt is not None:
                await self._send(engine, self._again(self.in_doubt))
            elif self._notebook.is_open:
                await self._do(engine, self._next())
            elif self.intended:
                await self._do(engine, self.intended.pop(0)())

    def intend(self) -> None:
        """To sell or buy for longer; to make guests larger, to sell their rests on, to buy what others sell on."""
        wishes, of_volumes = self._wishes, self._rng.random() < VOLUMES
        placing: Callable[[str], Command] = wishes.long_ask if self._nodes else wishes.long_bid
        self.intended = [lambda: placing(CODE)]
        if of_volumes:
            self.intended.append(lambda: placing(BLOCK_CODE))
        if not self._nodes:
            self.intended += [self._larger_or_sold, self._of_others, self._of_others]

    async def command_all(self) -> None:
        """Once more, all that it holds."""
        held = [one for one in self._desk.bought(self.participant) if not one.is_part]
        for one in held:
            guests = [other for other in held if other.kind == "guest"]
            await self._command(one, [guest.id for guest in guests if guest.node == one.node], LASTING)

    def _again(self, placed: Placed) -> Placed:
        """The same under other ids."""
        if isinstance(placed, PlaceGroup):
            return PlaceGroup(tuple(dataclasses.replace(bid, order=self._wishes.new_id()) for bid in placed.bids))
        return dataclasses.replace(placed, order=self._wishes.new_id())

    async def _do(self, engine: EngineClient, chosen: Command | Deferred | None) -> None:
        if isinstance(chosen, Deferred):
            await chosen.act()
        elif chosen is not None:
            await self._send(engine, chosen)

    async def _send(self, engine: EngineClient, command: Command) -> None:
        if isinstance(command, PlaceAsk | PlaceBid | PlaceGroup):
            self.in_doubt = command
        try:
            async with asyncio.timeout(self._rng.uniform(*PATIENCE_SECONDS)):
                [answer] = await engine.submit(ZONE, [command])
        except (Unavailable, TimeoutError):
            self._notebook.unknown += 1
            return
        told = answer.orders if answer.order is None else (answer.order,)
        if isinstance(command, PlaceAsk | PlaceBid | PlaceGroup):
            self.in_doubt = None
            for order in told:
                self._orders.append(order["id"])
                self._notebook.placed[order["id"]] = command, order
        elif isinstance(command, AmendOrder | CancelOrder):
            for order in told:
                placed, _before = self._notebook.placed[command.order]
                self._notebook.placed[command.order] = placed, order
        self._notebook.answers += 1
        self._notebook.heard(command, answer)

    def _next(self) -> Command | Deferred:
        chosen = self._about_contracts()
        if chosen is not None:
            return chosen
        draw, orders = self._rng.random(), [order for order in self._orders[-8:] if order in self._notebook.placed]
        if draw < 0.67 or not orders:
            return self._placement()
        order = self._rng.choice(orders)
        if draw < 0.76:
            return CancelOrder(order, self.participant)
        if draw < 0.92:
            return self._amendment(order)
        if draw < 0.96:
            return PreviewOrder(self._rng.choice((self._wishes.bid, self._wishes.group))())
        return CancelAll(self.participant, side=self._rng.choice((None, "bid", "ask")))

    def _about_contracts(self) -> Command | Deferred | None:
        """Something about what it sold, could buy of others, lets sell by itself, or holds; None for nothing."""
        rng, me = self._rng, self.participant
        if rng.random() < RECLAIMS and (sold := self._desk.reclaimable(me)):
            return EndContract(rng.choice(sold), "reclaim", me)
        if rng.random() < RESTS and (rests := self._desk.rests(me)):
            return self._wishes.bid_for(rng.choice(rests))
        if rng.random() < RESELLING and self._nodes:
            return Deferred(self._resell)
        if rng.random() < HELD and (held := self._desk.bought(me)):
            return self._about(held)
        return None

    def _about(self, held: list[Holding]) -> Command | Deferred:
        """Give something back, make a guest larger or smaller, offer its rest, or command one."""
        rng, draw = self._rng, self._rng.random()
        volumes = [other for other in held if other.kind == "volume"]
        guests = [other for other in held if other.kind == "guest" and not other.is_part]
        if draw < 0.15:
            return EndContract(rng.choice(held).id, "release", self.participant)
        if draw < 0.40 and guests:
            return self._growth(rng.choice(guests))
        if draw < 0.62 and guests:
            return self._wishes.rest_of(max(guests, key=lambda guest: guest.end_minute))
        one = rng.choice(volumes if volumes and rng.random() < 0.5 else held)
        return Deferred(lambda: self._command(one, [guest.id for guest in guests]))

    def _larger_or_sold(self) -> Command | None:
        guests = [held for held in self._desk.bought(self.participant) if held.kind == "guest" and not held.is_part]
        if not guests:
            return None
        longest = max(guests, key=lambda guest: guest.end_minute)
        return self._growth(longest) if self._rng.random() < 0.4 else self._wishes.rest_of(longest)

    def _of_others(self) -> Command | None:
        rests = self._desk.rests(self.participant)
        return self._wishes.bid_for(self._rng.choice(rests)) if rests else None

    def _growth(self, held: Holding) -> RescaleContract:
        wanted = max(1, held.slices + self._rng.choice((-1, 1, 1, 2)))
        return RescaleContract(held.id, self.participant, wanted, self._wishes.new_id(), PRICES[-1])

    def _placement(self) -> Placed:
        if self._nodes and self._rng.random() < 0.9:
            return self._wishes.ask()
        return self._wishes.group() if self._rng.random() < 0.15 else self._wishes.bid()

    def _amendment(self, order: str) -> AmendOrder:
        _placed, row = self._notebook.placed[order]
        amendment = AmendOrder(order, self.participant, row["revision"])
        if self._rng.random() < 0.5:
            return dataclasses.replace(amendment, price_micros=self._rng.choice(PRICES))
        if row["side"] == "bid":
            return dataclasses.replace(amendment, guests=max(1, row["guests"] - 1))
        return dataclasses.replace(amendment, slices=max(1, row["slices"] - self._rng.randint(1, 2)))

    async def _command(self, held: Holding, guests: list[str], changes: tuple[Change, ...] = CHANGES) -> None:
        self._notebook.commanded.add(held.id)
        with suppress(NestexError, DBAPIError):  # the contract may be over; it may not be known whether it happened
            row = await self._desk.command(deed(self._rng, self.participant, held, guests, changes))
            self._notebook.ordered[held.id] = row

    async def _resell(self) -> None:
        settings = self._wishes.reselling() if self._rng.random() < 0.7 else None
        with suppress(NestexError, DBAPIError):
            await self._desk.resell(self.participant, self._rng.choice(self._nodes), settings)


@dataclass(frozen=True, slots=True)
class Deferred:
    """What a trader does without the engine."""

    act: Act


Intention = Callable[[], Command | Deferred | None]
"""What a trader is going to do; None where there is nothing to do any more."""
