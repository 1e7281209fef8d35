"""Watching: what the market shows of contracts and the month's end, told as it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.clock import RealClock
from common.errors import Unavailable
from nestex.demo.scene import Scene
from nestex.demo.trading import Tell

_TERMINAL = frozenset({"completed", "released", "reclaimed", "failed", "busted"})
_LOOK_SECONDS = 0.25


class Watcher:
    """Asks the market again and again; `pause` lets the supervisor work in between."""

    def __init__(self, scene: Scene, clock: RealClock, pause: Callable[[float], None], tell: Tell) -> None:
        self.scene = scene
        self.clock = clock
        self.pause = pause
        self.tell = tell

    def nodes_online(self, seconds: float) -> None:
        """Wait for every node's agent. Raises Unavailable after so many real seconds."""
        waiting = {seller.node: seller for seller in self.scene.sellers}

        def look() -> bool:
            for node, seller in list(waiting.items()):
                if seller.client.get(f"/v1/nodes/{node}")["state"] == "online":
                    self.tell(f"{seller.cast.node} of {seller.cast.name} is online")
                    del waiting[node]
            return not waiting

        self._until(look, seconds, "the agents did not come online")

    def contracts_ended(self, seconds: float) -> dict[str, dict[str, Any]]:
        """Wait until every contract has ended; the contracts by id, as their buyers see them, and whether their guests
        were ready. Raises Unavailable after so many real seconds."""
        known: dict[str, dict[str, Any]] = {}

        def look() -> bool:
            for buyer in self.scene.buyers:
                for contract in buyer.client.pages("/v1/contracts"):
                    self._tell_change(known.get(contract["id"]), contract)
                    known[contract["id"]] = contract
            return all(contract["state"] in _TERMINAL for contract in known.values())

        self._until(look, seconds, "the contracts did not end")
        return known

    def period_closed(self, month: str, seconds: float) -> None:
        """Wait until the month is closed. Raises Unavailable after so many real seconds."""

        def look() -> bool:
            periods = self.scene.operator.get("/v1/periods")
            return any(period["month"] == month and period["state"] == "closed" for period in periods)

        self._until(look, seconds, f"the period {month} did not close")
        self.tell(f"the period {month} is closed")

    def _tell_change(self, before: dict[str, Any] | None, now: dict[str, Any]) -> None:
        if before is None or before["state"] != now["state"]:
            window = f"{now['start'][11:16]}-{now['end'][11:16]}"
            reason = f" ({now['reason']})" if now["reason"] else ""
            self.tell(f"guest {now['guest_name']:<10} {window}  {now['state']}{reason}")

    def _until(self, look: Callable[[], bool], seconds: float, otherwise: str) -> None:
        until = self.clock.monotonic() + seconds
        while not look():
            if self.clock.monotonic() > until:
                raise Unavailable("stack_failed", f"{otherwise} within {seconds:g} s; see the logs in the data folder")
            self.pause(_LOOK_SECONDS)
