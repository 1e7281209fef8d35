"""Volumes that are contracts of their own, through the reconcile loop: there for their window, at one guest after the
other, metered while they can be used, and gone at their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from common import codec
from common.errors import Refused, Unavailable
from common.wire import Allocation, Extras, GuestSpec, GuestStatus, UsageReport
from provisioner.hypervisor.port import Volume, own_volume
from tests.provisioner.factories import SPEC, allocation, contract
from tests.provisioner.loop_world import World, loop_world

GUEST, VOLUME, OTHER = contract(1), contract(7), contract(2)
TEN = GuestSpec("data", 0, 0, 10, "", filesystem="ext4")


def _play(story: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with loop_world() as world:
            await story(world)

    asyncio.run(whole())


def _volume(start: int = 10, end: int = 20, *, revision: int = 1, spec: GuestSpec = TEN, **extras: Any) -> Allocation:
    wanted = allocation(start, end, number=7, revision=revision, spec=spec)
    return replace(wanted, kind="volume", extras=Extras(**extras))


async def _told(world: World) -> GuestStatus:
    """What was told last of the volume."""
    kept = [codec.decode(GuestStatus, payload) for _id, payload in await world.storage(world.store.statuses, 1000)]
    return [status for status in kept if status.contract == VOLUME][-1]


async def _metered(world: World) -> list[tuple[int, int, int]]:
    """Minute, seconds and GiB of every minute of the volume."""
    kept = await world.storage(world.store.usage_from, 0, 1000)
    reports = [codec.decode(UsageReport, payload) for _sequence, payload in kept]
    return [
        (report.minute, each.seconds, each.volume_gib)
        for report in reports
        for each in report.guests
        if each.contract == VOLUME
    ]


def test_a_volume_is_there_for_its_window_and_metered_for_all_of_it() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_volume())
        await world.go_to(9, 59)
        assert world.driver.volumes() == ()
        await world.go_to(10)
        assert world.driver.volumes() == (Volume(VOLUME, 10),)
        assert await world.states(7) == ["accepted", "preparing", "starting", "running", "ready", "ready"]
        assert (await _told(world)).applied == 1
        for minute in range(11, 21):
            await world.go_to(minute)
        assert world.driver.volumes() == ()
        assert (await world.states(7))[-2:] == ["stopping", "removed"]
        assert await _metered(world) == [(minute, 60, 10) for minute in range(10, 20)]

    _play(story)


def test_a_volume_outlives_its_guest_and_goes_to_the_next_one() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_volume(end=40, attached_to=GUEST))
        await world.go_to(10)
        assert world.driver.volumes() == (Volume(VOLUME, 10),)  # its guest is still to come
        assert (await _told(world)).applied == 0
        await world.hand_over(allocation(), allocation(number=2, end=40))
        await world.go_to(11)
        assert world.driver.volumes() == (Volume(VOLUME, 10, GUEST),)
        await world.go_to(20)
        assert world.driver.volumes() == (Volume(VOLUME, 10),)
        assert GUEST not in world.driver.domains
        await world.hand_over(_volume(end=40, revision=2, attached_to=OTHER))
        await world.go_to(21)
        assert world.driver.volumes() == (Volume(VOLUME, 10, OTHER),)
        await world.hand_over(_volume(end=40, revision=3))
        await world.go_to(22)
        assert world.driver.volumes() == (Volume(VOLUME, 10),)
        assert (await _told(world)).applied == 3
        await world.hand_over(_volume(end=40, revision=4, attached_to=OTHER))
        await world.go_to(40)
        assert world.driver.volumes() == ()

    _play(story)


def test_it_grows_and_what_the_hypervisor_refuses_is_answered_once() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_volume(spec=replace(TEN, disk_gib=4)))
        await world.go_to(11)
        await world.hand_over(_volume(revision=2))
        await world.go_to(12)
        assert world.driver.volumes() == (Volume(VOLUME, 10),)
        await world.hand_over(_volume(revision=3, spec=replace(TEN, disk_gib=4)))
        await world.go_to(13)
        [answer] = (await _told(world)).answers
        assert (answer.field, answer.outcome) == ("disk_gib", "refused")
        assert world.driver.volumes() == (Volume(VOLUME, 10),)

    _play(story)


def test_a_full_pool_fails_the_contract_with_a_reason_and_one_that_is_away_is_waited_for() -> None:
    async def story(world: World) -> None:
        world.driver.failures["volume_create"] = [
            Unavailable("hypervisor_failed", "the block pool is away"),
            Refused("insufficient_capacity", "the block pool is full: it has room for 3 GiB"),
        ]
        await world.hand_over(_volume())
        await world.go_to(10)
        assert (await _told(world)).state == "accepted"
        await world.go_to(10, 1)
        told = await _told(world)
        assert (told.state, told.reason) == ("failed", "the block pool is full: it has room for 3 GiB")
        await world.go_to(20)
        assert (await _told(world)).state == "removed"

    _play(story)


def test_minutes_in_which_the_pool_is_away_are_not_delivered_and_guests_go_on() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_volume(), allocation())
        await world.go_to(10)
        await world.go_to(11)
        for minute in (12, 13):
            world.driver.failures["volumes"] = [Unavailable("hypervisor_failed", "the block pool is away")] * 9
            await world.go_to(minute)
        world.driver.failures["volumes"] = []
        for minute in (14, 15):
            await world.go_to(minute)
        assert [seconds for _minute, seconds, _gib in await _metered(world)] == [60, 0, 0, 0, 60]
        world.driver.failures["volumes"] = [Unavailable("hypervisor_failed", "the block pool is away")] * 9
        await world.go_to(20)
        assert GUEST not in world.driver.domains

    _play(story)


def test_a_volume_that_is_lost_fails_its_contract_and_is_not_made_anew() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_volume())
        await world.go_to(11)
        del world.driver.volume[VOLUME]
        await world.go_to(12)
        told = await _told(world)
        assert told.state == "failed"
        assert "lost" in told.reason
        assert world.driver.volumes() == ()

    _play(story)


def test_what_nobody_wants_is_deleted_but_only_after_a_sync_and_never_that_of_a_guest_that_is_there() -> None:
    async def story(world: World) -> None:
        await world.hand_over(allocation())
        await world.go_to(10)
        left, own = contract(8), own_volume(contract(9), "data")
        for name in (left, own, own_volume(GUEST, "data")):
            world.driver.volume_create(name, 1)
        await world.go_to(11)
        assert len(world.driver.volumes()) == 3
        world.agreement.is_reached = True
        await world.go_to(12)
        assert [volume.name for volume in world.driver.volumes()] == [own_volume(GUEST, "data")]

    _play(story)


def test_snapshots_have_the_room_that_was_bought_and_set_aside_and_lose_it_with_the_volume() -> None:
    async def story(world: World) -> None:
        bought = replace(allocation(end=40), bought_disk_gib=SPEC.disk_gib, extras=Extras(snapshots=("one",)))
        await world.hand_over(bought)
        await world.go_to(10)
        assert world.driver.snapshots(GUEST) == ()
        await world.hand_over(_volume(end=30, attached_to=GUEST, set_aside=True))
        await world.go_to(11)
        assert world.driver.volumes() == (Volume(VOLUME, 0),)  # it holds nothing, and is no disk
        wanted = Extras(snapshots=("one", "two"))
        await world.hand_over(replace(bought, revision=2, extras=wanted))
        await world.go_to(12)
        assert [kept.name for kept in world.driver.snapshots(GUEST)] == ["one"]
        kept = await world.storage(world.store.guest, GUEST)
        assert kept is not None
        assert [(answer.field, answer.outcome) for answer in kept.answers] == [("snapshots.two", "refused")]
        assert "10 GiB are set aside" in kept.answers[0].reason
        await world.go_to(30)
        assert (world.driver.snapshots(GUEST), world.driver.volumes()) == ((), ())

    _play(story)


def test_an_agent_that_dies_in_between_finds_what_it_has_done() -> None:
    async def story(world: World) -> None:
        await world.hand_over(_volume(attached_to=GUEST), allocation())
        world.driver.volume_create(VOLUME, 10)  # as one that died after it had made the volume
        await world.go_to(10)
        assert (await _told(world)).applied == 1
        assert world.driver.volumes() == (Volume(VOLUME, 10, GUEST),)
        world.driver.failures["volume_withdraw"] = [Unavailable("hypervisor_failed", "not now")]
        await world.go_to(20)
        world.real.advance(1)
        await world.settle()
        assert (await _told(world)).state == "removed"
        assert world.driver.volumes() == ()

    _play(story)
