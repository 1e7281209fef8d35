from __future__ import annotations

import asyncio

from common import codec
from common.agent_commands import Sync
from common.errors import Refused, Unavailable
from common.wire import GuestState, GuestStatus
from provisioner.hypervisor.fake import FakeDomain
from provisioner.retry import TRIES_WITHOUT_MEMORY
from tests.provisioner.factories import SPEC, allocation, contract
from tests.provisioner.loop_world import loop_world


def test_a_guest_is_prepared_early_started_on_time_metered_and_ended_by_itself() -> None:
    async def story() -> None:
        async with loop_world() as world:
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
        async with loop_world() as world:
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
        async with loop_world() as world:
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
        async with loop_world() as world:
            await world.hand_over(allocation(10, 12))
            world.driver.failures["ensure"] = [Refused("insufficient_capacity", "too large")]
            await world.go_to(9)
            await world.go_to(11)
            [*_others, (_id, payload)] = await world.storage(world.store.statuses, 100)
            assert codec.decode(GuestStatus, payload).reason == "too large"
            assert await world.states() == ["accepted", "failed"]
            assert world.driver.guests() == ()

    asyncio.run(story())


def test_a_guest_for_which_there_is_no_memory_is_tried_for_a_while_and_fails_then() -> None:
    async def story(starts: int) -> list[GuestState]:
        async with loop_world() as world:
            await world.hand_over(allocation(10, 12))
            await world.go_to(9)
            lack = Unavailable("out_of_memory", "no memory")
            world.driver.failures["ensure"] = [lack] * starts
            for second in range(30):
                await world.go_to(10, second)
            assert world.driver.failures["ensure"] == []
            [*_others, (_id, payload)] = await world.storage(world.store.statuses, 100)
            assert codec.decode(GuestStatus, payload).reason == ("" if world.driver.starts else "no memory")
            return (await world.states())[2:]

    assert asyncio.run(story(TRIES_WITHOUT_MEMORY - 1)) == ["starting", "running", "ready"]
    assert asyncio.run(story(TRIES_WITHOUT_MEMORY)) == ["failed"]


def test_a_contract_that_is_gone_stops_within_its_window() -> None:
    async def story() -> None:
        async with loop_world() as world:
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
        async with loop_world() as world:
            world.driver.domains[contract(7)] = FakeDomain(3, SPEC, run=1)
            world.driver.foreign["pet"] = True
            await world.go_to(10)
            assert world.driver.guests()[0].up
            answer = await world.agreement.ask(Sync({contract(1): 2}))
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
        async with loop_world() as world:
            await world.hand_over(allocation(10, 40))
            await world.go_to(10)
            await world.go_to(47)
            assert await world.seconds() == [(minute, 60) for minute in range(10, 40)]

    asyncio.run(story())


def test_a_guest_that_boots_is_running_and_its_time_counts_from_when_it_is_ready() -> None:
    async def story() -> None:
        async with loop_world() as world:
            world.driver.silent.add(contract())
            await world.hand_over(allocation(10, 12))
            await world.go_to(10)
            await world.go_to(10, 20)
            assert (await world.states())[-2:] == ["starting", "running"]
            world.driver.silent.clear()
            await world.go_to(10, 20)
            assert (await world.states())[-2:] == ["running", "ready"]
            await world.go_to(12)
            assert await world.seconds() == [(10, 40), (11, 60)]

    asyncio.run(story())


def test_a_guest_that_goes_down_while_it_boots_is_started_again() -> None:
    async def story() -> None:
        async with loop_world() as world:
            world.driver.silent.add(contract())
            await world.hand_over(allocation(10, 12))
            await world.go_to(10)
            world.driver.crash(contract())
            await world.go_to(10, 20)
            assert (await world.states())[-4:] == ["running", "crashed", "starting", "running"]

    asyncio.run(story())


def test_a_guest_that_somebody_paused_goes_on() -> None:
    async def story() -> None:
        async with loop_world() as world:
            await world.hand_over(allocation(10, 12))
            await world.go_to(10)
            world.driver.pause(contract())
            await world.go_to(10, 20)
            assert [guest.paused for guest in world.driver.guests()] == [False]

    asyncio.run(story())
