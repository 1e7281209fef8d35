"""Random orders: what providers and buyers of a simulation ask and bid."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from common.ids import derived_id
from common.wire import Capacity
from market.engine.commands import GuestTemplate, PlaceAsk, PlaceBid, PlaceGroup
from market.reseller.settings import ResellerSettings
from matching.commands import TimeInForce
from tests.market.factories import CODE
from tests.simulation.holdings import Holding, Rest
from tests.simulation.market import BLOCK_CODE, SPOT_CODE

PRICES = (120, 150, 180, 200, 220)
SPOT, BLOCK = 0.25, 0.25
"""So many orders are for slices that their providers may reclaim, or for volumes."""
LINKED = 0.3
"""So many asks share what is free of their node with each other."""
MOST_OF_A_GROUP = 3
LONG_MINUTES, LONG_SLICES = (16, 20), 4
"""What is bought while all is well again: long enough to be commanded, and to be held to that."""


class Wishes:
    """The orders of one participant, in its own order. `minute` tells the running minute."""

    def __init__(
        self, rng: random.Random, seed: str, participant: str, nodes: tuple[str, ...], minute: Callable[[], int]
    ) -> None:
        self._rng = rng
        self._seed = seed
        self._participant = participant
        self._nodes = nodes
        self._minute = minute
        self._numbers = 0

    def new_id(self) -> str:
        """An id for one more order."""
        self._numbers += 1
        return derived_id("ord", self._minute() * 60_000, self._seed, self._numbers)

    def ask(self) -> PlaceAsk:
        """For slices of one of its nodes."""
        rng, now = self._rng, self._minute()
        kind: TimeInForce = rng.choice(("gtc", "gtc", "gtc", "gtd", "ioc"))
        linked = rng.random() < LINKED
        return PlaceAsk(
            order=self.new_id(),
            participant=self._participant,
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
            linked=linked,
            keep=Capacity(rng.randint(0, 4), rng.randint(0, 4096), 0) if linked else Capacity(0, 0, 0),
        )

    def long_ask(self, instrument: str) -> PlaceAsk:
        """For a few slices of a node, for longer than anybody wants them; dearer than the rest of a contract."""
        return replace(
            self.ask(),
            instrument=instrument,
            price_micros=PRICES[3],
            time_in_force="gtc",
            slices=LONG_SLICES,
            available_from=None,
            available_until=self._minute() + 2 * LONG_MINUTES[1],
            min_minutes=1,
            expires_at=None,
            post_only=False,
            linked=False,
            keep=Capacity(0, 0, 0),
        )

    def long_bid(self, instrument: str) -> PlaceBid:
        """For one guest, or one volume, from now on."""
        return replace(
            self.bid(),
            instrument=instrument,
            price_micros=PRICES[-1],
            time_in_force="gtc",
            guests=1,
            slices_per_guest=1,
            duration_minutes=self._rng.randint(*LONG_MINUTES),
            start_from=None,
            start_by=None,
            template=self._volume() if instrument == BLOCK_CODE else GuestTemplate("web", "default"),
            expires_at=None,
            post_only=False,
            replace_on_failure=instrument != BLOCK_CODE,
        )

    def rest_of(self, held: Holding) -> PlaceAsk:
        """For all the rest of a contract that it bought: cheaply, so that somebody takes it."""
        return PlaceAsk(
            order=self.new_id(),
            participant=self._participant,
            client_order_id=f"c{self._numbers}",
            instrument=held.instrument,
            price_micros=self._rng.choice(PRICES[:2]),
            time_in_force="gtc",
            node="",
            slices=0,
            available_from=None,
            available_until=0,
            min_minutes=0,
            contract=held.id,
        )

    def bid(self) -> PlaceBid:
        """For guests, or for volumes."""
        rng, now = self._rng, self._minute()
        kind: TimeInForce = rng.choice(("gtc", "gtc", "gtc", "gtd", "ioc", "fok"))
        start, instrument = rng.choice((None, now + rng.randint(1, 8))), self._instrument()
        is_guest = instrument != BLOCK_CODE
        return PlaceBid(
            order=self.new_id(),
            participant=self._participant,
            client_order_id=f"c{self._numbers}",
            instrument=instrument,
            price_micros=rng.choice(PRICES[1:]),
            time_in_force=kind,
            guests=rng.randint(1, 3),
            slices_per_guest=rng.randint(1, 2),
            duration_minutes=rng.choices((rng.randint(1, 9), rng.randint(12, 30), rng.randint(31, 60)), (7, 2, 1))[0],
            start_from=start,
            start_by=None if start is None else start + rng.randint(0, 5),
            template=GuestTemplate("web", "default") if is_guest else self._volume(),
            expires_at=now + rng.randint(2, 15) if kind == "gtd" else None,
            post_only=kind == "gtc" and rng.random() < 0.1,
            self_trade_prevention=rng.choice(("cancel_taker", "cancel_maker", "cancel_both")),
            replace_on_failure=is_guest and rng.random() < 0.2,
        )

    def group(self) -> PlaceGroup:
        """Bids of which only one is to trade."""
        return PlaceGroup(tuple(self.bid() for _ in range(self._rng.randint(2, MOST_OF_A_GROUP))))

    def bid_for(self, rest: Rest) -> PlaceBid | None:
        """For just what is left of somebody's contract; None where nothing is."""
        start = max(rest.from_minute, self._minute() + self._rng.randint(2, 4))
        if start >= rest.end_minute:
            return None
        return replace(
            self.bid(),
            instrument=rest.instrument,
            price_micros=rest.price_micros,
            time_in_force="ioc",
            guests=1,
            slices_per_guest=rest.slices,
            duration_minutes=rest.end_minute - start,
            start_from=start,
            start_by=start,
            template=GuestTemplate("web", "default"),
            expires_at=None,
            post_only=False,
        )

    def reselling(self) -> ResellerSettings:
        """What a node that sells by itself is told."""
        rng = self._rng
        return ResellerSettings(
            instruments=tuple(sorted(rng.sample((CODE, SPOT_CODE, BLOCK_CODE), rng.randint(1, 3)))),
            until=self._minute() + rng.randint(10, 80),
            cost_micros_per_hour=rng.randint(50_000, 150_000),
            strategy=rng.choice(("fixed", "undercut", "decay", "zip")),
            keep=Capacity(rng.randint(0, 4), 0, 0),
            decay_minutes=5,
        )

    def _instrument(self) -> str:
        draw = self._rng.random()
        return SPOT_CODE if draw < SPOT else BLOCK_CODE if draw < SPOT + BLOCK else CODE

    def _volume(self) -> GuestTemplate:
        return GuestTemplate(f"v{self._numbers}", image="", kind="volume")
