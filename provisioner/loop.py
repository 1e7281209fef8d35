"""The reconcile loop: look, meter, decide, carry out, until desired and actual agree; then sleep until there is a
reason.

Reasons are: something new was stored, the hypervisor saw a change, a market minute ended, a retry is due, a guest is
booting, or ten seconds of real time have passed. One task does all of it in turn, so that the end of a minute is
metered before a guest that ends with it is stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from common import fault_points
from common.clock import MarketClock
from common.errors import Unavailable
from common.wire import Capacity
from provisioner.actions import Outcome, carry_out, contract_of
from provisioner.blocking import Blocking
from provisioner.guest import MS_PER_MINUTE
from provisioner.hypervisor.port import Hypervisor, Volume
from provisioner.metering import Sighting, observe, report_minutes
from provisioner.patience import Patience
from provisioner.reconcile import Situation, decide, frees
from provisioner.retry import Retries
from provisioner.steps import take_steps
from provisioner.store import Store
from provisioner.sync import Agreement
from provisioner.verbs import Action

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
FAILED_SECONDS = 1.0
BOOTING_SECONDS = 0.25
"""How often is looked whether a guest that boots is ready, or one that goes down is off: nothing may tell it."""

CHUNK = 16
"""So many actions are carried out before their steps are stored and told."""

ACT_SECONDS = 1.0
"""So long, in real time, is acted before it is looked again: starting a guest takes seconds on a busy node. Longer
where looking takes longer, as at many guests: it is to be the smaller part."""


class ReconcileLoop:
    """`told` is called after every change that leaves reports to publish."""

    def __init__(
        self,
        store: Store,
        driver: Hypervisor,
        agreement: Agreement,
        *,
        storage: Blocking,
        hypervisor: Blocking,
        clock: MarketClock,
        capacity: Capacity,
        told: Callable[[], None],
    ) -> None:
        self._store = store
        self._driver = driver
        self._agreement = agreement
        self._storage = storage
        self._hypervisor = hypervisor
        self._clock = clock
        self._capacity = capacity
        self._told = told
        self._retries = Retries(clock.real)
        self._patience = Patience(clock.real)
        self._wake = asyncio.Event()
        self._unstored: list[Sighting] = []
        self._minute = 0
        self._pool_is_away = False
        self._look_seconds = LOOK_SECONDS
        self._act_seconds = ACT_SECONDS

    def wake(self) -> None:
        """There may be something to do. To be called on the event loop."""
        self._wake.set()

    async def run(self) -> None:
        """Until it is canceled."""
        while True:
            self._wake.clear()
            try:
                while await self.step():
                    pass
                pause = self._pause()
            except Unavailable as error:
                log.warning("%s", error)
                pause = FAILED_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def step(self) -> bool:
        """Look, meter and act once; False when nothing was to do. Raises Unavailable when the hypervisor is away."""
        began = self._clock.real.monotonic()
        sighting = await self._hypervisor(self._look)
        self._act_seconds = max(ACT_SECONDS, self._clock.real.monotonic() - began)
        booting = any(guest.booting for guest in sighting.guests)
        self._look_seconds = BOOTING_SECONDS if booting else LOOK_SECONDS
        self._minute = sighting.at_ms // MS_PER_MINUTE  # not a later one: guests are metered up to here
        failure, reports = await self._meter(sighting)
        records = await self._storage(self._store.guests)
        if reports:
            fault_points.reach("agent.metered")
            self._told()
        overdue = self._patience.overdue(records.values())
        situation = Situation(self._minute, self._capacity, self._agreement.is_reached, overdue)
        actions = self._retries.due(decide(records, sighting.guests, situation, sighting.volumes))
        if failure is not None:
            ends = [action for action in actions if frees(action)]
            await self._hypervisor(_carry_out_all, ends, self._driver, self._clock)
            raise failure  # nothing is noted before what was seen: the ends come again, and are found done
        for start in range(0, len(actions), CHUNK):
            chunk = actions[start : start + CHUNK]
            if await self._act(chunk) < len(chunk):
                break
        return bool(actions)

    async def _meter(self, sighting: Sighting) -> tuple[Unavailable | None, int]:
        """Store what was seen; how many reports there were, or why not. Guests end on time on a full disk too, and what
        was seen of them meanwhile is stored later."""
        if self._unstored and _shows_the_same(self._unstored[-1], sighting):
            self._unstored.pop()  # the newer says as much
        self._unstored.append(sighting)
        try:
            reports = await self._storage(_store_sightings, self._store, tuple(self._unstored), self._minute)
        except Unavailable as failure:
            return failure, 0
        self._unstored.clear()
        return None, reports

    async def _act(self, actions: list[Action]) -> int:
        """How many there was time for."""
        done = await self._hypervisor(_carry_out_some, actions, self._driver, self._clock, self._act_seconds)
        outcomes = [self._retries.judged(outcome, self._clock.now_ms) for outcome in done]
        steps = [step for outcome in outcomes for step in outcome.steps]
        await self._storage(take_steps, self._store, steps)
        fault_points.reach("agent.noted")
        for outcome in outcomes:
            self._retries.note(outcome.action, failed=outcome.failure is not None)
            if outcome.failure is not None:
                log.warning("contract %s: %s", contract_of(outcome.action), outcome.failure)
        for step in steps:
            log.info("contract %s: %s %s", step.contract, step.state, step.reason)
        self._told()
        return len(outcomes)

    def _look(self) -> Sighting:
        """In the hypervisor's thread. Counters are read once a minute, for the report of the minute that has ended."""
        at_ms = self._clock.now_ms()
        guests = self._driver.guests()
        ended = at_ms // MS_PER_MINUTE != self._minute
        counters = self._driver.usage(guest.contract for guest in guests if guest.up) if ended else {}
        return Sighting(at_ms, guests, counters, self._volumes())

    def _volumes(self) -> tuple[Volume, ...] | None:
        """None while the block pool is away, which must not hold up guests."""
        try:
            found = self._driver.volumes()
        except Unavailable as error:
            if not self._pool_is_away:
                log.warning("%s", error)
            self._pool_is_away = True
            return None
        self._pool_is_away = False
        return found

    def _pause(self) -> float:
        return min(
            BOOTING_SECONDS if self._patience.is_tried else self._look_seconds,
            self._clock.real_seconds_until(self._minute + 1),
            self._retries.seconds_until_next(),
        )


def _shows_the_same(before: Sighting, after: Sighting) -> bool:
    return before.guests == after.guests and before.volumes == after.volumes


def _store_sightings(store: Store, sightings: Iterable[Sighting], minute: int) -> int:
    """In one transaction, for each waits for the disk."""
    with store.transaction():
        for sighting in sightings:
            observe(store, sighting)
        return report_minutes(store, minute)


def _carry_out_all(actions: list[Action], driver: Hypervisor, clock: MarketClock) -> list[Outcome]:
    return [carry_out(action, driver, clock.now_ms) for action in actions]


def _carry_out_some(actions: list[Action], driver: Hypervisor, clock: MarketClock, seconds: float) -> list[Outcome]:
    """At least one. What there is no time for is decided anew: a contract that ends meanwhile comes first then."""
    until, outcomes = clock.real.monotonic() + seconds, list[Outcome]()
    for action in actions:
        outcomes.append(carry_out(action, driver, clock.now_ms))
        if clock.real.monotonic() >= until:
            break
    return outcomes
