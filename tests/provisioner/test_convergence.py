from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import codec
from common.errors import Unavailable
from common.guest_states import GUEST_STATES
from common.wire import Allocation, GuestState, GuestStatus, UsageReport, Want
from provisioner import patience
from provisioner.guest import GuestRecord
from provisioner.hypervisor.fake import FakeDomain
from provisioner.reconcile import Target, is_settled, target_of
from tests.provisioner.factories import SPEC, allocation
from tests.provisioner.loop_world import World, loop_world


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
        "paused",
        "restarting",
        "crashed",
        "failed",
        "removed",
    ]
)


@st.composite
def cases(draw: st.DrawFn, number: int) -> Case:
    start = draw(st.integers(0, 20))
    want: Want = draw(st.sampled_from(["run", "run", "paused", "stopped", "gone"]))
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
        async with loop_world() as world:
            await world.storage(_put, world, found)
            world.agreement.is_reached = synced
            world.driver.foreign["pet"] = True
            for method in broken:
                world.driver.failures[method].append(Unavailable("hypervisor_failed", "injected"))
            for minute in sorted(minutes):
                await _outlast(world, minute)
                await _check(world, found, minute, synced)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "ORDERLY_SECONDS", 1.0)  # failures after it are to be outlasted within a minute too
        asyncio.run(story())


def _put(world: World, found: tuple[Case, ...]) -> None:
    for number, case in enumerate(found, start=1):
        name = case.wanted.contract
        if case.domain != "missing":
            world.driver.domains[name] = FakeDomain(1, SPEC, run=100 + number if case.domain.startswith("up") else 0)
        if case.state is not None:
            known = case.state in ("running", "ready", "paused", "restarting") and case.domain != "up"
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
            target = target_of(case.wanted, minute)
            assert (guest.up, guest.paused) == (target is Target.UP, target is Target.PAUSED)
            assert is_settled(record, minute)
            if guest.instance:
                assert record.instance == guest.instance
    told: dict[str, list[GuestState]] = {case.wanted.contract: [case.state] for case in found if case.state}
    for _id, payload in await world.storage(world.store.statuses, 10_000):
        status = codec.decode(GuestStatus, payload)
        told.setdefault(status.contract, []).append(status.state)
    for path in told.values():
        assert all(old == new or GUEST_STATES.allows(old, new) for old, new in pairwise(path))
    ends = {case.wanted.contract: case.wanted.end for case in found}
    for _sequence, payload in await world.storage(world.store.usage_from, 0, 10_000):
        report = codec.decode(UsageReport, payload)
        assert all(report.minute < ends[usage.contract] and 0 <= usage.seconds <= 60 for usage in report.guests)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30)), min_size=1, max_size=10))
def test_replayed_and_reordered_revisions_do_no_harm(deliveries: list[tuple[int, int]]) -> None:
    """Revision 1 runs, 2 runs longer, 3 is gone, 4 runs again, as a contract does that was sold on and came back."""

    def sent(revision: int) -> Allocation:
        return replace(allocation(5, 10 + 5 * revision, revision=revision), want="gone" if revision == 3 else "run")

    async def story() -> None:
        async with loop_world() as world:
            newest, was_removed, before, revivals = 0, False, 0, 0
            for revision, minute in sorted(deliveries, key=lambda delivery: delivery[1]):
                if was_removed and revision > newest and target_of(sent(revision), before) is not Target.GONE:
                    was_removed, revivals = False, revivals + 1
                newest, before = max(newest, revision), minute
                await world.hand_over(sent(revision))
                await world.go_to(minute)
                target = target_of(sent(newest), minute)
                was_removed = was_removed or target is Target.GONE
                assert [guest.up for guest in world.driver.guests()] == ([] if was_removed else [target is Target.UP])
            assert world.driver.starts <= 1 + revivals
            seconds = await world.seconds()
            assert len({minute for minute, _seconds in seconds}) == len(seconds)
            assert all(value in (0, 60) for _minute, value in seconds)

    asyncio.run(story())
