"""What a buyer asks of its guest, as desired state, through the reconcile loop: done once, told, and counted right."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from common import codec
from common.errors import Unavailable
from common.wire import Allocation, DataDisk, Extras, FieldAnswer, GuestStatus, Want
from provisioner.hypervisor.port import own_volume
from provisioner.patience import ORDERLY_SECONDS
from tests.provisioner.factories import SPEC, allocation, contract
from tests.provisioner.loop_world import World, loop_world

Told = dict[str, Any]


def _play(story: Any) -> None:
    """With a guest that is ready since minute 10, of a contract until minute 20."""

    async def whole() -> None:
        async with loop_world() as world:
            await world.hand_over(allocation())
            await world.go_to(10)
            told: Coroutine[Any, Any, None] = story(world)
            await told

    asyncio.run(whole())


def _wanted(revision: int, want: Want = "run", **extras: Any) -> Allocation:
    return replace(allocation(revision=revision, want=want), extras=Extras(**extras))


async def _last(world: World) -> GuestStatus:
    [*_others, (_id, payload)] = await world.storage(world.store.statuses, 1000)
    return codec.decode(GuestStatus, payload)


def test_a_stopped_guest_goes_down_in_order_stays_off_is_delivered_and_starts_again() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_wanted(2, "stopped"))
        await world.go_to(10)
        assert (await world.states())[-2:] == ["stopping", "stopped"]
        assert world.driver.asked == 1
        await world.go_to(14)
        assert not world.driver.guests()[0].instance
        await world.hand_over(_wanted(3, starts=1))
        await world.go_to(14)
        assert (await world.states())[-4:] == ["stopped", "starting", "running", "ready"]
        await world.go_to(20)
        assert [seconds for _minute, seconds in await world.seconds()] == [60] * 10

    _play(story)


def test_a_guest_that_does_not_hear_is_taken_down_after_a_while() -> None:
    async def story(world: World) -> None:
        world.driver.deaf.add(contract())
        await world.hand_over(_wanted(2, "stopped"))
        await world.go_to(11)
        assert (await world.states())[-1] == "stopping"
        await world.go_to(11, ORDERLY_SECONDS - 1)
        assert world.driver.guests()[0].up
        await world.go_to(11, ORDERLY_SECONDS)
        assert (await world.states())[-1] == "stopped"

    _play(story)


def test_a_paused_guest_is_delivered_and_goes_on_as_the_same_instance() -> None:
    async def story(world: World) -> None:
        [before] = world.driver.guests()
        await world.hand_over(_wanted(2, "paused"))
        await world.go_to(12)
        assert world.driver.guests()[0].paused
        assert (await world.states())[-1] == "paused"
        await world.hand_over(_wanted(3))
        await world.go_to(14)
        assert world.driver.guests() == (replace(before, revision=3),)
        await world.go_to(20)
        assert [seconds for _minute, seconds in await world.seconds()] == [60] * 10

    _play(story)


def test_a_restart_happens_once_although_it_is_heard_of_again() -> None:
    async def story(world: World) -> None:
        [before] = world.driver.guests()
        await world.hand_over(_wanted(2, restarts=1))
        await world.go_to(11)
        assert (await world.states())[-3:] == ["restarting", "running", "ready"]
        [after] = world.driver.guests()
        assert after.instance != before.instance
        await world.hand_over(_wanted(3, "paused", restarts=1))
        await world.go_to(12)
        await world.hand_over(_wanted(4, restarts=1))
        await world.go_to(13)
        assert world.driver.guests()[0].instance == after.instance

    _play(story)


def test_a_restart_that_an_agent_did_not_live_to_note_is_not_done_twice() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_wanted(2, restarts=1))
        world.driver.deaf.add(contract())
        await world.go_to(11)
        assert (await world.states())[-1] == "restarting"
        started = world.driver.restart(contract(), 2, SPEC)  # by the agent that was killed after it
        await world.go_to(11, 5)
        assert world.driver.guests()[0].instance == started.instance
        assert (await world.states())[-3:] == ["restarting", "running", "ready"]

    _play(story)


def test_a_guest_that_powers_itself_off_stays_off_is_delivered_and_is_started_by_its_buyer_alone() -> None:
    async def story(world: World) -> None:
        world.driver.shutdown(contract())  # from within: nobody has asked for it
        await world.go_to(11)
        assert (await world.states())[-2:] == ["ready", "stopped"]
        await world.hand_over(_wanted(2, adapters=("eth1",)))
        await world.go_to(13)
        assert not world.driver.guests()[0].instance
        await world.hand_over(_wanted(3, adapters=("eth1",), starts=1))
        await world.go_to(13)
        assert (await world.states())[-1] == "ready"
        await world.go_to(20)
        assert sum(seconds for _minute, seconds in await world.seconds()) >= 540  # up to the minute that it was seen in

    _play(story)


def test_a_stop_that_is_wanted_from_the_beginning_is_delivered_without_a_start() -> None:
    async def story() -> None:
        async with loop_world() as world:
            await world.hand_over(_wanted(1, "stopped"))
            await world.go_to(10)
            await world.go_to(20)
            assert world.driver.starts == 0
            assert await world.states() == ["accepted", "stopping", "stopped", "removed"]
            assert [seconds for _minute, seconds in await world.seconds()] == [60] * 10

    asyncio.run(story())


def test_a_start_that_fails_is_not_delivered_although_the_guest_was_stopped() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_wanted(2, "stopped"))
        await world.go_to(11)
        world.driver.failures["ensure"] = [Unavailable("hypervisor_failed", "injected") for _ in range(100)]
        await world.hand_over(_wanted(3, starts=1))
        await world.go_to(12)
        await world.go_to(18)
        world.driver.failures["ensure"].clear()
        await world.go_to(19)
        await world.go_to(20)
        assert [seconds for _minute, seconds in await world.seconds()] == [60, 0, 0, 0, 0, 0, 0, 0, 0, 60]

    _play(story)


def test_a_rescale_is_answered_field_by_field_and_told_once() -> None:
    async def story(world: World) -> None:
        larger = replace(SPEC, vcpus=2, memory_mib=4096, image="other")
        await world.hand_over(replace(_wanted(2), guest=larger))
        await world.go_to(11)
        told = await _last(world)
        assert (told.state, told.applied) == ("ready", 2)
        assert [(answer.field, answer.outcome) for answer in told.answers] == [
            ("vcpus", "live"), ("memory_mib", "restart"), ("image", "refused")
        ]  # fmt: skip
        count = len(await world.states())
        await world.go_to(12)
        assert len(await world.states()) == count
        await world.go_to(20)
        assert [seconds for _minute, seconds in await world.seconds()] == [60] * 10

    _play(story)


def test_devices_and_snapshots_come_and_go_and_what_is_not_possible_is_answered() -> None:
    async def story(world: World) -> None:
        data = DataDisk("data", 2, "ext4")
        everything = _wanted(2, adapters=("eth1",), volumes=(data,), snapshots=("before",))
        await world.hand_over(everything)
        await world.go_to(11)
        assert (await _last(world)).applied == 2
        assert world.driver.nics(contract()) == ("eth1",)
        [volume] = world.driver.volumes()
        assert (volume.name, volume.size_gib, volume.guest) == (own_volume(contract(), "data"), 2, contract())
        assert [kept.name for kept in world.driver.snapshots(contract())] == ["before"]
        await world.hand_over(_wanted(3, volumes=(replace(data, size_gib=1),)))
        await world.go_to(12)
        assert (await _last(world)).answers == (FieldAnswer("volumes.data", "refused", f"{volume.name} has 2 GiB"),)
        assert world.driver.nics(contract()) == ()
        assert world.driver.snapshots(contract()) == ()
        await world.hand_over(_wanted(4))
        await world.go_to(13)
        assert world.driver.volumes() == ()

    _play(story)


@pytest.mark.parametrize("want", ["run", "stopped"])
def test_a_disk_goes_back_to_a_snapshot_once_and_the_guest_is_where_it_was(want: Want) -> None:
    async def story(world: World) -> None:
        await world.hand_over(_wanted(2, want, snapshots=("before",)))
        await world.go_to(11)
        await world.hand_over(_wanted(3, want, snapshots=("before",), revert_to="before", reverts=1))
        await world.go_to(12)
        assert world.driver.reverts == ["before"]
        assert (await _last(world)).state == ("ready" if want == "run" else "stopped")
        await world.hand_over(_wanted(4, want, snapshots=("before",), revert_to="lost", reverts=2))
        await world.go_to(13)
        assert world.driver.reverts == ["before"]
        assert "no snapshot lost" in (await _last(world)).answers[0].reason

    _play(story)


def test_what_was_prepared_is_changed_before_the_window_and_gone_with_all_of_its_own() -> None:
    async def story() -> None:
        async with loop_world() as world:
            await world.hand_over(_wanted(1, volumes=(DataDisk("data", 1),)))
            await world.go_to(8)
            assert world.driver.volumes()[0].guest == contract()
            await world.hand_over(_wanted(2, volumes=(DataDisk("data", 1),), adapters=("eth1",)))
            await world.go_to(9)
            assert world.driver.nics(contract()) == ("eth1",)
            await world.hand_over(_wanted(3, "gone"))
            await world.go_to(9, 1)
            assert (world.driver.volumes(), world.driver.guests()) == ((), ())

    asyncio.run(story())
