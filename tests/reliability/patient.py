"""A client that does not give up: what comes back from a fault may answer a moment later that something else is not
there yet, and whoever is told so asks again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from common.clock import RealClock, SystemClock
from common.errors import Unavailable
from nestex.cli.client import MarketClient

PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.1


class PatientClient(MarketClient):
    """Repeats a call that has no answer for as long as patience lasts. `wait` lets time pass, while the town lives on.

    Orders need a `client_order_id`, so that one whose answer was lost is placed once.
    """

    def __init__(self, url: str, key: str, wait: Callable[[float], object]) -> None:
        super().__init__(url, key)
        self.key = key
        self._wait = wait
        self._real: RealClock = SystemClock()

    def hasty(self) -> MarketClient:
        """The same participant, who hears at once that there is no answer."""
        return MarketClient(self.url, self.key)

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        end = self._real.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return super()._call(method, path, **arguments)
            except Unavailable:
                if self._real.monotonic() > end:
                    raise
            self._wait(LOOK_SECONDS)
