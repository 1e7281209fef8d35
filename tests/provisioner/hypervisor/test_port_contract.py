"""What every driver has to do alike: the one in memory, libvirt's test driver, and QEMU.

Guests are started here and not waited for; what they themselves see of it all is in `test_real_guests`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from common.clock import SystemClock
from common.errors import Conflict, NestexError, NotFound, Refused
from common.ids import new_id
from provisioner.hypervisor.fake import FakeDriver
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from provisioner.hypervisor.port import Ability, Hypervisor
from tests.provisioner.hypervisor.real_node import SMALL, until

HYPERVISORS = ("fake", "test", "qemu")


@pytest.fixture(params=HYPERVISORS)
def driver(request: pytest.FixtureRequest) -> Iterator[Hypervisor]:
    """One of each, with no guests of ours in it."""
    if request.param == "fake":
        yield FakeDriver()
        return
    found = request.getfixturevalue({"test": "test_driver", "qemu": "real_guests"}[request.param])
    assert isinstance(found, LibvirtDriver)
    yield found
    for guest in found.guests():
        found.stop(guest.contract)
        found.remove(guest.contract)
    for volume in found.volumes():
        found.volume_remove(volume.name)


@pytest.fixture
def contract() -> str:
    return new_id("con", SystemClock().wall_micros() // 1000)


def _can(driver: Hypervisor, ability: Ability) -> bool:
    return ability in driver.capabilities().abilities


def _states(driver: Hypervisor) -> list[tuple[bool, bool]]:
    return [(guest.up, guest.paused) for guest in driver.guests()]


def test_a_guest_is_defined_started_paused_stopped_and_removed_and_each_call_may_be_repeated(
    driver: Hypervisor, contract: str
) -> None:
    for _ in range(2):
        assert not driver.ensure(contract, 1, SMALL, run=False).up
    started = driver.ensure(contract, 1, SMALL, run=True)
    assert driver.ensure(contract, 1, SMALL, run=True) == started
    assert driver.guests() == (started,)
    for _ in range(2):
        driver.pause(contract)
        assert _states(driver) == [(False, True)]
    assert driver.guests()[0].instance == started.instance
    for _ in range(2):
        driver.resume(contract)
        assert _states(driver) == [(True, False)]
    for _ in range(2):
        driver.stop(contract)
        assert _states(driver) == [(False, False)]
    for _ in range(2):
        driver.remove(contract)
        assert driver.guests() == ()


def test_a_restart_is_another_instance_of_the_newest_definition(driver: Hypervisor, contract: str) -> None:
    first = driver.ensure(contract, 1, SMALL, run=True)
    second = driver.restart(contract, 2, replace(SMALL, memory_mib=160))
    assert second.up
    assert second.revision == 2
    assert second.instance != first.instance
    assert driver.usage([contract])[contract].memory_kib == 160 * 1024


@pytest.mark.parametrize("up", [True, False])
def test_each_field_of_a_rescale_is_answered_and_asking_again_changes_nothing(
    driver: Hypervisor, contract: str, up: bool
) -> None:
    driver.ensure(contract, 1, SMALL, run=up)
    wanted = replace(SMALL, memory_mib=256, disk_gib=2, image="another", user_data="text")
    given = {answer.field: answer.outcome for answer in driver.rescale(contract, 2, wanted)}
    later = "restart" if up else "live"
    disk = "live" if _can(driver, "disks") else "refused"
    assert given == {"memory_mib": later, "disk_gib": disk, "image": "refused", "user_data": later}
    assert driver.guests()[0].revision == 2
    again = {answer.field: answer.outcome for answer in driver.rescale(contract, 3, wanted)}
    assert again.items() <= given.items()


def test_usage_is_that_of_the_guests_asked_for_which_may_be_none(driver: Hypervisor, contract: str) -> None:
    driver.ensure(contract, 1, SMALL, run=True)
    assert driver.usage([]) == {}
    assert driver.usage([new_id("con", 0)]) == {}
    assert driver.usage([contract, new_id("con", 0)])[contract].memory_kib == SMALL.memory_mib * 1024


def test_a_refusal_says_why(driver: Hypervisor, contract: str) -> None:
    driver.ensure(contract, 1, SMALL, run=True)
    largest = driver.capabilities().guest_vcpus_max
    [answer] = driver.rescale(contract, 2, replace(SMALL, vcpus=largest + 1))
    assert answer.outcome == "refused"
    assert str(largest) in answer.reason
    with pytest.raises(Refused, match=str(largest)):
        driver.restart(contract, 3, replace(SMALL, vcpus=largest + 1))
    assert _states(driver) == [(True, False)]


def test_shares_and_quota_are_in_force_at_once_or_refused(driver: Hypervisor, contract: str) -> None:
    driver.ensure(contract, 1, SMALL, run=True)
    given = driver.rescale(contract, 2, replace(SMALL, cpu_shares=2048, cpu_percent=50))
    outcome = "live" if _can(driver, "cpu_limits") else "refused"
    assert [(answer.field, answer.outcome) for answer in given] == [("cpu_shares", outcome), ("cpu_percent", outcome)]


def test_what_only_a_running_guest_can_do_is_a_conflict_for_one_that_is_off(driver: Hypervisor, contract: str) -> None:
    for call in (driver.pause, driver.resume, driver.shutdown):
        with pytest.raises(NotFound):
            call(contract)
    driver.ensure(contract, 1, SMALL, run=False)
    for call in (driver.pause, driver.resume, driver.shutdown):
        with pytest.raises(Conflict):
            call(contract)


def test_a_guest_that_is_missing_is_not_found(driver: Hypervisor, contract: str) -> None:
    with pytest.raises(NotFound):
        driver.rescale(contract, 1, SMALL)
    calls: list[tuple[Ability, Callable[[], object]]] = [
        ("snapshots", lambda: driver.snapshot(contract, "one")),
        ("adapters", lambda: driver.nic_attach(contract, "eth1")),
        ("attachments", lambda: driver.volume_attach(contract, "vol_missing")),
        ("console", lambda: driver.console(contract)),
    ]
    for ability, call in calls:
        with pytest.raises(NestexError) as raised:
            call()
        assert isinstance(raised.value, NotFound if _can(driver, ability) else Refused)


def test_volumes_are_made_attached_to_one_guest_freed_and_removed(driver: Hypervisor, contract: str) -> None:
    if not _can(driver, "attachments"):
        with pytest.raises(Refused, match="volumes"):
            driver.volume_attach(contract, "vol_1")
        with pytest.raises(Refused, match="volumes"):
            driver.volume_create(f"{contract}-own", 1)
        return
    other = new_id("con", 0)
    for each in (contract, other):
        driver.ensure(each, 1, SMALL, run=False)
    for _ in range(2):
        driver.volume_create("vol_1", 1, "ext4")
    for _ in range(2):
        driver.volume_attach(contract, "vol_1")
        assert [(volume.name, volume.size_gib, volume.guest) for volume in driver.volumes()] == [("vol_1", 1, contract)]
    with pytest.raises(Conflict):
        driver.volume_attach(other, "vol_1")
    with pytest.raises(Conflict):
        driver.volume_remove("vol_1")
    driver.volume_resize("vol_1", 2)
    with pytest.raises(Refused, match="GiB"):
        driver.volume_resize("vol_1", 1)
    driver.ensure(contract, 2, SMALL, run=False)
    assert [(volume.size_gib, volume.guest) for volume in driver.volumes()] == [(2, contract)]
    for _ in range(2):
        driver.volume_detach(contract, "vol_1")
    driver.volume_attach(other, "vol_1")
    driver.remove(other)
    assert [volume.guest for volume in driver.volumes()] == [""]
    for _ in range(2):
        driver.volume_remove("vol_1")
    assert driver.volumes() == ()


def test_a_volume_is_made_replaced_by_an_empty_one_and_withdrawn_from_whoever_has_it(
    driver: Hypervisor, contract: str
) -> None:
    for _ in range(2):
        driver.volume_create("con_v", 1, "ext4")
    driver.volume_replace("con_v", 0)
    assert [(volume.name, volume.size_gib) for volume in driver.volumes()] == [("con_v", 0)]
    driver.volume_replace("con_v", 2, "ext4")
    assert [(volume.name, volume.size_gib) for volume in driver.volumes()] == [("con_v", 2)]
    driver.ensure(contract, 1, SMALL, run=False)
    if _can(driver, "attachments"):
        driver.volume_attach(contract, "con_v", "data")
        with pytest.raises(Conflict):
            driver.volume_replace("con_v", 1)
    for _ in range(2):
        driver.volume_withdraw("con_v")
        assert driver.volumes() == ()
    assert driver.ensure(contract, 1, SMALL, run=True).up


def test_adapters_may_be_attached_and_detached_again_and_again(driver: Hypervisor, contract: str) -> None:
    driver.ensure(contract, 1, SMALL, run=False)
    if not _can(driver, "adapters"):
        with pytest.raises(Refused, match="adapters"):
            driver.nic_attach(contract, "eth1")
        return
    for call in (driver.nic_attach, driver.nic_attach, driver.nic_detach, driver.nic_detach):
        call(contract, "eth1")


@pytest.mark.parametrize("up", [True, False])
def test_snapshots_are_kept_listed_reverted_to_and_dropped(driver: Hypervisor, contract: str, up: bool) -> None:
    driver.ensure(contract, 1, SMALL, run=up)
    if not _can(driver, "snapshots"):
        with pytest.raises(Refused, match="snapshots"):
            driver.snapshot(contract, "one")
        assert driver.snapshots(contract) == ()
        return
    driver.snapshot(contract, "one")
    driver.snapshot(contract, "two")
    with pytest.raises(Conflict):
        driver.snapshot(contract, "one")
    assert [kept.name for kept in driver.snapshots(contract)] == ["one", "two"]
    for _ in range(2):
        driver.drop_snapshot(contract, "two")
    driver.revert(contract, "one")
    assert _states(driver) == [(False, False)]
    with pytest.raises(NotFound):
        driver.revert(contract, "two")
    assert [kept.name for kept in driver.snapshots(contract)] == ["one"]


def test_changes_are_told(driver: Hypervisor, contract: str) -> None:
    told: list[int] = []
    driver.listen(lambda: told.append(1))
    driver.ensure(contract, 1, SMALL, run=True)
    until(lambda: told)
    driver.listen(lambda: None)
