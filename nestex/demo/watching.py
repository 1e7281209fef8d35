"""Watching: what the market shows of contracts and the month's end, told as it happens."""

from __future__ import annotations

from collections.abc import Callable

from common.clock import RealClock
from common.errors import Unavailable
from nestex.demo.scene import Scene, Seller, SellersNode
from nestex.demo.trading import Json, Tell

_TERMINAL = frozenset({"completed", "released", "reclaimed", "failed", "busted"})
_LOOK_SECONDS = 0.25


class Watcher:
    """Asks the market again and again; `pause` lets the supervisor work in between."""

    def __init__(self, scene: Scene, clock: RealClock, pause: Callable[[float], None], tell: Tell) -> None:
        self.scene = scene
        self.clock = clock
        self.pause = pause
        self.tell = tell
        self._known: dict[str, Json] = {}

    def nodes_online(self, seconds: float) -> None:
        """Wait for every node's agent. Raises Unavailable after so many real seconds."""
        waiting = {node.id: (seller, node) for seller in self.scene.sellers for node in seller.nodes}

        def look() -> bool:
            for name, (seller, node) in list(waiting.items()):
                if seller.client.get(f"/v1/nodes/{name}")["state"] == "online":
                    self.tell(f"{node.cast.name} of {seller.cast.name} is online")
                    del waiting[name]
            return not waiting

        self._until(look, seconds, "the agents did not come online")

    def offered(self, seller: Seller, node: SellersNode, seconds: float) -> None:
        """Wait until a node that sells by itself offers something. Raises Unavailable after so many real seconds."""

        def look() -> bool:
            for order in seller.client.pages("/v1/orders"):
                if order.get("node") == node.id and (order["client_order_id"] or "").startswith("reseller-"):
                    self.tell(
                        f"{node.cast.name} offers {order['slices']} slices of {order['instrument']} by itself, at"
                        f" {order['price']} an hour"
                    )
                    return True
            return False

        self._until(look, seconds, f"{node.cast.name} offered nothing")

    def guests_up(self, *names: str, seconds: float) -> list[Json]:
        """Wait until the guests of these names are ready; their contracts. Raises Unavailable after so many real
        seconds."""
        self._until(lambda: all(self._is(name, "running") for name in names), seconds, f"{names} did not start")
        return [contract for contract in self._known.values() if contract["guest_name"] in names]

    def contract_is(self, name: str, state: str, *, seconds: float) -> None:
        """Wait until the contract of this guest is in this state. Raises Unavailable after so many real seconds."""
        self._until(lambda: self._is(name, state), seconds, f"{name} was not {state}")

    def replaced(self, name: str, *, seconds: float) -> None:
        """Wait until the guest of this name, whose contract has failed, has another one. Raises Unavailable after so
        many real seconds."""

        def look() -> bool:
            self._look_at_contracts()
            return any(row["guest_name"] == name and row["state"] != "failed" for row in self._known.values())

        self._until(look, seconds, f"{name} was not replaced")
        self.tell(f"what is left of {name} was bought again by itself, from somebody else: nobody had to wake up")

    def contracts_ended(self, seconds: float) -> list[Json]:
        """Wait until every contract has ended; the contracts, as their buyers see them. Raises Unavailable after so
        many real seconds."""

        def look() -> bool:
            self._look_at_contracts()
            return all(contract["state"] in _TERMINAL for contract in self._known.values())

        self._until(look, seconds, "the contracts did not end")
        return list(self._known.values())

    def period_closed(self, month: str, seconds: float) -> None:
        """Wait until the month is closed. Raises Unavailable after so many real seconds."""

        def look() -> bool:
            periods = self.scene.operator.get("/v1/periods")
            return any(period["month"] == month and period["state"] == "closed" for period in periods)

        self._until(look, seconds, f"the period {month} did not close")
        self.tell(f"the period {month} is closed")

    def _is(self, name: str, state: str) -> bool:
        self._look_at_contracts()
        return any(row["guest_name"] == name and row["state"] == state for row in self._known.values())

    def _look_at_contracts(self) -> None:
        for buyer in self.scene.buyers:
            for contract in buyer.client.pages("/v1/contracts"):
                self._tell_change(self._known.get(contract["id"]), contract)
                self._known[contract["id"]] = contract

    def _tell_change(self, before: Json | None, now: Json) -> None:
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
