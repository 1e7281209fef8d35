"""The story of the evening, act by act: first trades, second thoughts, trouble, and trade that goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.minutes import parse_minute
from nestex.demo.cast import IBAN_OF_A_CONSUMER, MEM, SPOT, STD, ZONE, NodeCast
from nestex.demo.faults import Troublemaker
from nestex.demo.scene import Scene, next_minute
from nestex.demo.trading import Floor, bid_body
from nestex.demo.watching import Watcher

_COST = "3.12"
"""Of alster-1 an hour. Sold for 60 % of the time, its slices pay for that at 0.3421 each, after the market's fee."""
_KEPT = {"vcpus": 2, "memory_mib": 4096, "disk_gib": 20}
"""What Alster needs of it for itself."""
_TO_AGREE_MINUTES = 2
"""Left to the first buyer of what is sold on, while the second one bids."""
_SHRUNK = NodeCast("rhone-2", vcpus=2, memory_mib=4096, disk_gib=20)
_SECONDS = 240.0
"""Real time that whatever the story waits for may take."""


class Story:
    """`holder` asks the database which engine holds the lease of a zone. The first guests start `apart` minutes after
    each other; all at once for 0."""

    def __init__(
        self,
        scene: Scene,
        floor: Floor,
        watcher: Watcher,
        trouble: Troublemaker,
        holder: Callable[[str], str],
        apart: int = 0,
    ) -> None:
        self._floor = floor
        self._watcher = watcher
        self._trouble = trouble
        self._holder = holder
        self._apart = apart
        self._alster, self._rhone = scene.sellers
        self._nodes = {node.cast.name: node for seller in scene.sellers for node in seller.nodes}
        self._blauwal, self._cedar, self._dune, self._enzian, self._fyn = scene.buyers

    def play(self) -> None:
        """All acts, in turn."""
        self._offers()
        self._first_bids()
        hindcast = self._queues()
        self._bids_for_later()
        self._second_thoughts()
        self._resale()
        self._agent_dies()
        self._node_shrinks()
        self._engine_dies()
        self._trade_goes_on()
        self._release(hindcast)
        self._reclaim()

    def end(self) -> None:
        """When all contracts are over: nothing more is sold by itself."""
        self._floor.end_reselling(self._alster, self._nodes["alster-1"])

    def _offers(self) -> None:
        offer, alster, rhone = self._floor.offer, self._nodes["alster-1"], self._nodes["rhone-1"]
        offer(self._rhone, self._nodes["rhone-2"], STD, 6, "0.3900")
        what = "a render in twelve minutes, to be bought again should it fail"
        self._floor.bid(self._fyn, what, "premiere", 10, slices=4, ahead=12, replace_on_failure=True)
        memory = offer(self._alster, alster, MEM, 2, "1.2000")
        offer(self._rhone, rhone, STD, 5, "0.4200")
        offer(self._rhone, rhone, SPOT, 1, "0.1800")
        self._floor.cancel(self._alster, memory)
        offer(self._alster, alster, MEM, 2, "1.0800")
        self._floor.resell(self._alster, alster, _COST, keep=_KEPT, markup_percent=5, decay_minutes=60)
        self._watcher.offered(self._alster, alster, _SECONDS)

    def _first_bids(self) -> None:
        bid = self._floor.bid
        bid(self._blauwal, "a guest of two slices for ten minutes, now", "build", 10, slices=2)
        bid(self._cedar, "two guests of one slice each", "crawler", 8, guests=2, ahead=self._turn(1))
        bid(self._dune, "a large guest on rhone-1", "join", 9, slices=4, nodes=[self._nodes["rhone-1"].id])
        bid(self._blauwal, "a cheap guest that may be taken back", "scratch", 40, instrument=SPOT, price="0.2400")
        bid(self._cedar, "a guest at once or not at all", "burst", 5, time_in_force="ioc", ahead=self._turn(2))
        bid(self._dune, "a guest with much memory", "cube", 10, instrument=MEM, price="1.2000", ahead=self._turn(2))
        bid(self._dune, "at once, below every ask", "miser", 5, price="0.2400", time_in_force="ioc")
        bid(self._cedar, "twenty guests or none", "flock", 5, guests=20, time_in_force="fok")

    def _queues(self) -> dict[str, Any]:
        start = next_minute(self._blauwal.client)
        jobs = [
            bid_body(start, f"job-{number}", 4, patience=12, ahead=self._turn(number + 1)) for number in range(1, 7)
        ]
        self._floor.batch(self._blauwal, "a queue of builds that can wait", jobs)
        what = "a guest of two slices for twenty minutes"
        self._floor.bid(self._enzian, what, "outlook", 20, slices=2, ahead=self._turn(1))
        return self._floor.bid(self._enzian, "a guest for half an hour", "hindcast", 30, ahead=self._turn(3))

    def _bids_for_later(self) -> None:
        start = next_minute(self._fyn.client)
        frames = [bid_body(start, f"frame-{n}", 3, instrument=MEM, price="1.1400", ahead=11 + 3 * n) for n in range(4)]
        self._floor.batch(self._fyn, "four frames, one after the other", frames)
        for number in range(3):
            what = f"forecast {number + 1}, in {8 + 5 * number} minutes"
            self._floor.bid(self._enzian, what, f"forecast-{number + 1}", 5, ahead=8 + 5 * number)
        self._floor.bid(self._dune, "a guest that starts in six to eight minutes", "nightly", 7, ahead=6)

    def _second_thoughts(self) -> None:
        bid = self._floor.bid
        cheap = bid(self._blauwal, "a guest, below every ask", "cheap", 6, price="0.2400", patience=15)
        self._floor.amend(self._blauwal, cheap, "pays more after all", price="0.4500")
        maker = bid(self._cedar, "a guest, to rest only", "maker", 5, price="0.3000", patience=20, post_only=True)
        self._floor.cancel(self._cedar, maker)
        swarm = bid(self._cedar, "six guests, below every ask", "swarm", 5, guests=6, price="0.3000", patience=20)
        fewer = self._floor.amend(self._cedar, swarm, "wants two guests only", guests=2)
        self._floor.amend(self._cedar, fewer, "bids what they cost", price="0.4500")

    def _resale(self) -> None:
        outlook = self._watcher.guests_up("outlook", seconds=_SECONDS)[0]
        self._floor.resale(self._enzian, outlook, "0.2100", IBAN_OF_A_CONSUMER)
        what = "two slices at a price that no node has: it gets the end of outlook"
        rest = parse_minute(outlook["end"], field="end") - next_minute(self._fyn.client)
        minutes = rest - _TO_AGREE_MINUTES
        self._floor.bid(self._fyn, what, "dailies", minutes, slices=2, price="0.3000", patience=rest)

    def _agent_dies(self) -> None:
        node = self._nodes["rhone-1"]
        self._watcher.guests_up("build", "join", seconds=_SECONDS)
        self._trouble.kill_agent(node)

    def _node_shrinks(self) -> None:
        self._trouble.shrink(self._nodes["rhone-2"], _SHRUNK)
        self._watcher.contract_is("premiere", "failed", seconds=_SECONDS)
        self._watcher.replaced("premiere", seconds=_SECONDS)

    def _engine_dies(self) -> None:
        self._trouble.kill_engine(self._holder(ZONE))

    def _trade_goes_on(self) -> None:
        bid = self._floor.bid
        bid(self._fyn, "a shorter render, in three slices", "trailer", 9, slices=3, patience=10)
        bid(self._blauwal, "another build", "build-2", 6, patience=10)
        bid(self._cedar, "one more crawler", "crawler-late", 5, patience=10)
        bid(self._dune, "a second join", "join-2", 6, slices=2, patience=10)
        bid(self._enzian, "a guest with much memory", "grid", 5, instrument=MEM, price="1.1100", patience=10)
        bid(self._cedar, "three guests or none", "trio", 5, guests=3, patience=10, time_in_force="fok")
        bid(self._fyn, "a guest in ten minutes", "credits", 5, ahead=10)
        bid(self._cedar, "a guest at once, below every ask", "hope", 5, price="0.3300", time_in_force="ioc")
        bid(self._enzian, "a guest that waits for a better price", "later", 5, price="0.3000", patience=5)

    def _release(self, hindcast: dict[str, Any]) -> None:
        contract = self._watcher.guests_up("hindcast", seconds=_SECONDS)[0]
        self._floor.release(self._enzian, contract)

    def _reclaim(self) -> None:
        contract = self._watcher.guests_up("scratch", seconds=_SECONDS)[0]
        self._floor.reclaim(self._rhone, contract)

    def _turn(self, turn: int) -> int | None:
        """Minutes ahead of the first guests at which those of this turn start; as soon as they can, with all others."""
        return turn * self._apart or None
