"""Consumers as they come: bids for guests that are wanted, and early releases of those that are not needed any more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from bench.week.demand import Wish
from bench.week.scene import CODE
from common.errors import NestexError, Unavailable
from common.minutes import minute_text
from common.price import Price
from nestex.cli.client import MarketClient

_TRIES = 60
_PAUSE_SECONDS = 0.25
_TO_START_MINUTES = 10
"""What a bid of now or never may start late by: the answer comes a few minutes of the fast clock after the question."""


class Shoppers:
    """`pause` lets the supervisor work; `came_to` counts what became of wishes."""

    def __init__(self, buyers: tuple[MarketClient, ...], pause: Callable[[float], None]) -> None:
        self.came_to: Counter[str] = Counter()
        self._buyers = buyers
        self._pause = pause
        self._leaving: dict[int, list[Wish]] = defaultdict(list)

    def want(self, wish: Wish, minute: int) -> None:
        """Bid for it. A call that is not answered is made again under the same name."""
        body: dict[str, Any] = {
            "side": "bid",
            "instrument": CODE,
            "price": Price(wish.price_micros).hourly(),
            "slices_per_guest": wish.slices,
            "duration_minutes": wish.minutes,
            "start_by": minute_text(minute + max(_TO_START_MINUTES, wish.patience_minutes)),
            "time_in_force": "gtc" if wish.patience_minutes else "ioc",
            "client_order_id": wish.name,
            "guest": {"name": wish.name},
        }
        try:
            order = self._insist(lambda: self._buyers[wish.buyer].post("/v1/orders", body))
        except NestexError as error:
            self.came_to[error.code] += 1
            return
        self.came_to[order["state"]] += 1
        if order["state"] == "filled" and wish.released_after is not None:
            self._leaving[minute + wish.released_after].append(wish)

    def leave(self, minute: int) -> None:
        """Release what is not needed any more by this minute."""
        for wish in self._leaving.pop(minute, []):
            buyer = self._buyers[wish.buyer]
            for contract in buyer.pages("/v1/contracts", state="running"):
                if contract["guest_name"] == wish.name:
                    self._release(buyer, contract["id"])

    def _release(self, buyer: MarketClient, contract: str) -> None:
        try:
            self._insist(lambda: buyer.post(f"/v1/contracts/{contract}/release"))
        except NestexError as error:
            self.came_to[f"release: {error.code}"] += 1
        else:
            self.came_to["released"] += 1

    def _insist(self, call: Callable[[], Any]) -> Any:
        for _ in range(_TRIES):
            try:
                return call()
            except Unavailable:
                self.came_to["asked again"] += 1
                self._pause(_PAUSE_SECONDS)
        return call()
