from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from common import codec
from common.errors import Refused, Unavailable
from common.guest_states import GUEST_STATES
from common.wire import Allocation, GuestState, GuestStatus, Sync, UsageReport, Want
from provisioner.blocking import Blocking
from provisioner.desired import accept
from provisioner.guest import GuestRecord
from provisioner.hypervisor.fake import FakeDomain, FakeDriver
from provisioner.loop import ReconcileLoop
from provisioner.reconcile import Target, target_of
from provisioner.store import Store
from provisioner.sync import Agreement
from tests.provisioner.factories import CAPACITY, NODE, SPEC, HandClock, allocation, contract, market_clock


@dataclass
class World:
    """A reconcile loop over a fake hypervisor, on a clock that is driven by hand."""

    loop: ReconcileLoop
    driver: FakeDriver
    store: Store
    agreement: Agreement
    storage: Blocking
    real: HandClock

    async def hand_over(self, *allocations: Allocation) -> None:
        await self.storage(accept, self.store, allocations, round(self.real.monotonic() * 1000))

    async def settle(self) -> None:
        """As the loop does it, until nothing is left to do."""
        for _ in range(20):
            if not await self.loop.step():
                return
        raise AssertionError("reconciling does not come to an end")

    async def go_to(self, minute: int, second: float = 0.0) -> None:
        self.real.micros = round((minute * 60 + second) * 1_000_000)
        await self.settle()

    async def states(self, number: int = 1) -> list[GuestState]:
        """What the market was told of a contract."""
        kept = [codec.decode(GuestStatus, payload) for _id, payload in await self.storage(self.store.statuses, 1000)]
        return [status.state for status in kept if status.contract == contract(number)]

    async def seconds(self) -> list[tuple[int, int]]:
        """Minute and delivered seconds of every report of one guest."""
        kept = await self.storage(self.store.usage_from, 0, 1000)
        reports = [codec.decode(UsageReport, payload) for _sequence, payload in kept]
        return [(report.minute, report.guests[0].seconds) for report in reports]


@asynccontextmanager
async def _world() -> AsyncIterator[World]:
    real, driver = HandClock(), FakeDriver()
    storage, hypervisor = Blocking("store"), Blocking("hypervisor")
    store = await storage(Store, Path(":memory:"), NODE)
    await storage(store.set_number, "usage_sequence", 0)
    agreement = Agreement(storage, store, lambda: None)
    loop = ReconcileLoop(
        store,
        driver,
        agreement,
        storage=storage,
        hypervisor=hypervisor,
        clock=market_clock(real),
        capacity=CAPACITY,
        told=lambda: None,
    )
    try:
        yield World(loop, driver, store, agreement, storage, real)
    finally:
        await storage(store.close)
        storage.close()
        hypervisor.close()


def test_a_guest_is_prepared_early_started_on_time_metered_and_ended_by_itself() -> None:
    async def story() -> None:
        async with _world() as world:
            await world.hand_over(allocation(10, 12))
            await world.go_to(9)
            assert not world.driver.guests()[0].up
            assert await world.states() == ["accepted", "preparing"]
            await world.go_to(10)
            assert world.driver.guests()[0].up
            await world.go_to(11, 59.9)
            await world.go_to(12)
            assert world.driver.guests() == ()
            told = ["accepted", "preparing", "starting", "running", "ready", "stopping", "removed"]
            assert await world.states() == told
            assert await world.seconds() == [(10, 60), (11, 60)]

    asyncio.run(story())


def test_a_guest_that_goes_down_is_started_again_and_its_time_down_is_not_delivered() -> None:
    async def story() -> None:
        async with _world() as world:
            await world.hand_over(allocation(10, 12))
            await world.go_to(10)
            await world.go_to(10, 20)
            world.driver.crash(contract())
            await world.go_to(10, 30)
            assert (await world.states())[-4:] == ["crashed", "starting", "running", "ready"]
            await world.go_to(12)
            assert await world.seconds() == [(10, 50), (11, 60)]

    asyncio.run(story())


def test_a_failing_start_is_tried_again_later_and_given_up_at_the_end_of_the_window() -> None:
    async def story() -> None:
        async with _world() as world:
            await world.hand_over(allocation(10, 12))
            await world.go_to(9)
            world.driver.failures["ensure"] = [Unavailable("hypervisor_failed", "no") for _ in range(3)]
            await world.go_to(10)
            await world.go_to(10, 0.3)
            assert len(world.driver.failures["ensure"]) == 2
            await world.go_to(10, 0.5)
            assert len(world.driver.failures["ensure"]) == 1
            await world.go_to(10, 1.0)
            assert len(world.driver.failures["ensure"]) == 1
            await world.go_to(11)
            assert not world.driver.guests()[0].up
            await world.go_to(11, 30)
            assert (await world.states())[-1] == "ready"
            world.driver.crash(contract())
            world.driver.failures["ensure"] = [Unavailable("hypervisor_failed", "no") for _ in range(3)]
            await world.go_to(11, 59.9)
            await world.go_to(12)
            assert (await world.states())[-1] == "removed"
            assert world.driver.guests() == ()

    asyncio.run(story())


def test_a_guest_that_the_hypervisor_can_never_run_fails_with_the_reason() -> None:
    async def story() -> None:
        async with _world() as world:
            await world.hand_over(allocation(10, 12))
            world.driver.failures["ensure"] = [Refused("insufficient_capacity", "too large")]
            await world.go_to(9)
            await world.go_to(11)
            [*_others, (_id, payload)] = await world.storage(world.store.statuses, 100)
            assert codec.decode(GuestStatus, payload).reason == "too large"
            assert await world.states() == ["accepted", "failed"]
            assert world.driver.guests() == ()

    asyncio.run(story())


def test_a_contract_that_is_gone_stops_within_its_window() -> None:
    async def story() -> None:
        async with _world() as world:
            await world.hand_over(allocation(10, 12))
            await world.go_to(10)
            await world.hand_over(allocation(10, 12, revision=2, want="gone"))
            await world.go_to(10, 30)
            assert (await world.states())[-1] == "removed"
            assert world.driver.guests() == ()
            await world.go_to(20)
            assert await world.seconds() == [(10, 30)]

    asyncio.run(story())


def test_an_orphan_is_swept_and_reported_only_after_a_full_sync() -> None:
    async def story() -> None:
        async with _world() as world:
            world.driver.domains[contract(7)] = FakeDomain(3, SPEC, run=1)
            world.driver.foreign["pet"] = True
            await world.go_to(10)
            assert world.driver.guests()[0].up
            answer = await world.agreement.ask(Sync({contract(1): 2}, usage_sequence=0))
            assert not answer.ok
            await world.hand_over(allocation(10, 12))
            await world.agreement.compare()
            await world.go_to(10, 1)
            assert world.driver.domains[contract(7)].run
            await world.hand_over(allocation(10, 12, revision=2))
            await world.agreement.compare()
            await world.go_to(10, 2)
            assert await world.states(7) == ["removed"]
            assert [guest.contract for guest in world.driver.guests()] == [contract(1)]
            assert world.driver.foreign == {"pet": True}

    asyncio.run(story())


def test_the_agent_meters_up_to_the_end_before_it_stops_a_guest() -> None:
    """Even if nobody looked since the start."""

    async def story() -> None:
        async with _world() as world:
            await world.hand_over(allocation(10, 40))
            await world.go_to(10)
            await world.go_to(47)
            assert await world.seconds() == [(minute, 60) for minute in range(10, 40)]

    asyncio.run(story())


@dataclass(frozen=True)
class Case:
    """A contract as an agent might find it after anything."""

    wanted: Allocation
    state: GuestState | None
    domain: str


states: st.SearchStrategy[GuestState | None] = st.sampled_from(
    [
        None,
        "accepted",
        "preparing",
        "starting",
        "running",
        "ready",
        "stopping",
        "stopped",
        "crashed",
        "failed",
        "removed",
    ]
)


@st.composite
def cases(draw: st.DrawFn, number: int) -> Case:
    start = draw(st.integers(0, 20))
    want: Want = draw(st.sampled_from(["run", "run", "gone"]))
    wanted = allocation(
        start, start + draw(st.integers(1, 10)), number=number, revision=draw(st.integers(1, 3)), want=want
    )
    return Case(wanted, draw(states), draw(st.sampled_from(["missing", "off", "up", "up since"])))


worlds = st.integers(1, 5).flatmap(lambda count: st.tuples(*(cases(number) for number in range(1, count + 1))))
failures = st.lists(st.sampled_from(["ensure", "stop", "remove", "guests"]), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    found=worlds, broken=failures, minutes=st.lists(st.integers(0, 32), min_size=1, max_size=4), synced=st.booleans()
)
def test_from_any_state_repeated_reconciling_converges(
    found: tuple[Case, ...], broken: list[str], minutes: list[int], synced: bool
) -> None:
    async def story() -> None:
        async with _world() as world:
            await world.storage(_put, world, found)
            world.agreement.is_reached = synced
            world.driver.foreign["pet"] = True
            for method in broken:
                world.driver.failures[method].append(Unavailable("hypervisor_failed", "injected"))
            for minute in sorted(minutes):
                await _outlast(world, minute)
                await _check(world, found, minute, synced)

    asyncio.run(story())


def _put(world: World, found: tuple[Case, ...]) -> None:
    for number, case in enumerate(found, start=1):
        name = case.wanted.contract
        if case.domain != "missing":
            world.driver.domains[name] = FakeDomain(1, SPEC, run=100 + number if case.domain.startswith("up") else 0)
        if case.state is not None:
            known = case.state in ("running", "ready") and case.domain != "up"
            instance = f"fake:{100 + number}" if known else "fake:99"
            closed_ms = 0 if case.state == "removed" else None
            world.store.put_guest(
                GuestRecord(case.wanted, case.wanted.start, case.state, instance, epoch=1, closed_ms=closed_ms)
            )


async def _outlast(world: World, minute: int) -> None:
    """Reconcile at the minute until injected failures and the pauses after them are over."""
    for second in (0, 1, 2, 4, 8, 16, 32, 50):  # the pauses after failures double
        try:
            await world.go_to(minute, second)
        except Unavailable:
            continue


async def _check(world: World, found: tuple[Case, ...], minute: int, synced: bool) -> None:
    records = await world.storage(world.store.guests)
    domains = {guest.contract: guest for guest in world.driver.guests()}
    assert world.driver.foreign == {"pet": True}
    for case in found:
        guest, record = domains.get(case.wanted.contract), records.get(case.wanted.contract)
        if record is None:
            assert (guest is not None) == (case.domain != "missing" and not synced)
        elif case.state == "removed" or target_of(case.wanted, minute) is Target.GONE:
            assert record.state == "removed"
            assert guest is None
        elif case.state != "failed":
            assert guest is not None
            assert guest.up == (target_of(case.wanted, minute) is Target.UP)
            if guest.up:
                assert (record.state, record.instance) == ("ready", guest.instance)
    told: dict[str, list[GuestState]] = {case.wanted.contract: [case.state] for case in found if case.state}
    for _id, payload in await world.storage(world.store.statuses, 10_000):
        status = codec.decode(GuestStatus, payload)
        told.setdefault(status.contract, []).append(status.state)
    for path in told.values():
        assert all(GUEST_STATES.allows(old, new) for old, new in pairwise(path))
    ends = {case.wanted.contract: case.wanted.end for case in found}
    for _sequence, payload in await world.storage(world.store.usage_from, 0, 10_000):
        report = codec.decode(UsageReport, payload)
        assert all(report.minute < ends[usage.contract] and 0 <= usage.seconds <= 60 for usage in report.guests)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30)), min_size=1, max_size=10))
def test_replayed_and_reordered_revisions_do_no_harm(deliveries: list[tuple[int, int]]) -> None:
    """Revision 1 runs, 2 runs longer, 3 is gone, 4 (which no market sends) would run again."""

    def sent(revision: int) -> Allocation:
        return replace(allocation(5, 10 + 5 * revision, revision=revision), want="gone" if revision == 3 else "run")

    async def story() -> None:
        async with _world() as world:
            newest, was_removed = 0, False
            for revision, minute in sorted(deliveries, key=lambda delivery: delivery[1]):
                newest = max(newest, revision)
                await world.hand_over(sent(revision))
                await world.go_to(minute)
                target = target_of(sent(newest), minute)
                was_removed = was_removed or target is Target.GONE
                assert [guest.up for guest in world.driver.guests()] == ([] if was_removed else [target is Target.UP])
            assert world.driver.starts <= 1
            seconds = await world.seconds()
            assert len({minute for minute, _seconds in seconds}) == len(seconds)
            assert all(value in (0, 60) for _minute, value in seconds)

    asyncio.run(story())
