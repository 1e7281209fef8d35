from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event

import httpx
import pytest

from common.clock import SystemClock
from common.ids import new_id
from common.wire import FieldAnswer, GuestSpec
from provisioner.hypervisor.qemu_driver import QemuDriver
from provisioner.hypervisor.qemu_xml import QUOTA_PERIOD_MICROS
from provisioner.hypervisor.seed import READY
from tests.provisioner.hypervisor.real_node import (
    SMALL,
    Inside,
    RealNode,
    await_off,
    await_ready,
    throttled_periods,
    until,
)

GIB = 2**30
HELD_PERIODS = 20
HALF_PERIOD_SECONDS = QUOTA_PERIOD_MICROS / 2 / 1_000_000
CONTRACT = new_id("con", SystemClock().wall_micros() // 1000)  # cgroups are named after it, and other runs have theirs
SPEC = replace(SMALL, ssh_keys=("ssh-ed25519 AAAA buyer", "ssh-rsa BBBB"), user_data="#!/bin/sh\ntouch /tmp/was-run\n")


@pytest.fixture(scope="module")
def driver(real_guests: QemuDriver) -> QemuDriver:
    """With one guest that is ready, which all tests here use."""
    real_guests.ensure(CONTRACT, 1, SPEC, run=True)
    await_ready(real_guests, CONTRACT)
    return real_guests


@pytest.fixture
def inside(driver: QemuDriver, real_node: RealNode) -> Iterator[Inside]:
    """Its console. Whatever the test before left: the guest is ready, and as it was sold."""
    driver.ensure(CONTRACT, 1, SPEC, run=True)
    await_ready(driver, CONTRACT)
    console = Inside(real_node.uri, CONTRACT)
    driver.rescale(CONTRACT, 1, _sold(console))
    yield console
    console.close()


def test_the_guest_has_what_was_sold_and_says_so_on_its_console_and_its_page(
    driver: QemuDriver, inside: Inside
) -> None:
    told = inside.report()
    assert told["contract"] == CONTRACT
    assert told["host_name"] == "web-1"
    assert told["vcpus"] >= SPEC.vcpus
    assert SPEC.memory_mib * 1024 * 0.6 < told["memory_kib"] < SPEC.memory_mib * 1024  # the kernel keeps some
    assert told["disks"]["disk"] % GIB == 0
    assert list(told["adapters"]) == ["eth0"]
    assert told["ssh_keys"] == 2
    assert told["user_data_sha256"] == hashlib.sha256(SPEC.user_data.encode()).hexdigest()
    assert inside.run("ls /tmp") == "was-run"
    [guest] = driver.guests()
    ports = {endpoint.service: endpoint for endpoint in guest.endpoints}
    assert ports.keys() == {"ssh", "http"}
    page = _get(f"http://{ports['http'].address}:{ports['http'].port}/")
    assert CONTRACT in page


def test_more_vcpus_come_at_once_and_fewer_at_the_next_start(
    driver: QemuDriver, inside: Inside, real_node: RealNode
) -> None:
    if inside.report()["vcpus"] != 1:
        driver.restart(CONTRACT, 1, _sold(inside))
        await_ready(driver, CONTRACT)
    console = Inside(real_node.uri, CONTRACT)
    two = replace(_sold(console), vcpus=2)
    assert driver.rescale(CONTRACT, 2, two) == (FieldAnswer("vcpus", "live"),)
    until(lambda: console.report()["vcpus"] == 2)
    [answer] = driver.rescale(CONTRACT, 3, replace(two, vcpus=1))
    assert (answer.field, answer.outcome) == ("vcpus", "restart")
    assert console.report()["vcpus"] == 2
    console.close()
    [before] = driver.guests()
    assert before.revision == 3
    driver.restart(CONTRACT, 4, replace(two, vcpus=1))
    after = await_ready(driver, CONTRACT)
    assert after.instance != before.instance
    console = Inside(real_node.uri, CONTRACT)
    assert console.report()["vcpus"] == 1
    console.close()


def test_memory_shrinks_and_grows_below_what_the_guest_was_started_with(driver: QemuDriver, inside: Inside) -> None:
    whole = inside.report()["memory_kib"]
    small = replace(_sold(inside), memory_mib=96)
    assert driver.rescale(CONTRACT, 2, small) == (FieldAnswer("memory_mib", "live"),)
    until(lambda: inside.report()["memory_kib"] <= whole - 30 * 1024)
    assert driver.rescale(CONTRACT, 3, replace(small, memory_mib=128)) == (FieldAnswer("memory_mib", "live"),)
    until(lambda: inside.report()["memory_kib"] == whole)
    [answer] = driver.rescale(CONTRACT, 4, replace(small, memory_mib=160))
    assert answer.outcome == "restart"
    assert inside.report()["memory_kib"] == whole


def test_the_disk_grows_while_it_is_used_and_never_shrinks(driver: QemuDriver, inside: Inside) -> None:
    now = _sold(inside).disk_gib
    larger = replace(SPEC, disk_gib=now + 1)
    assert driver.rescale(CONTRACT, 2, larger) == (FieldAnswer("disk_gib", "live"),)
    until(lambda: inside.report()["disks"]["disk"] == (now + 1) * GIB)
    [answer] = driver.rescale(CONTRACT, 3, replace(SPEC, disk_gib=now))
    assert answer.outcome == "refused"
    assert inside.report()["disks"]["disk"] == (now + 1) * GIB


def test_adapters_come_and_go(driver: QemuDriver, inside: Inside) -> None:
    for _ in range(2):
        driver.nic_attach(CONTRACT, "eth1")
    until(lambda: list(inside.report()["adapters"]) == ["eth0", "eth1"])
    for _ in range(2):
        driver.nic_detach(CONTRACT, "eth1")
    assert list(inside.report()["adapters"]) == ["eth0"]


def test_a_volume_comes_with_its_filesystem_grows_and_goes_with_what_was_written(
    driver: QemuDriver, inside: Inside
) -> None:
    driver.volume_create("vol_1", 1, "ext4")
    driver.volume_attach(CONTRACT, "vol_1")
    until(lambda: inside.report()["disks"].get("vol_1") == GIB)
    assert inside.run("mount -t ext4 /dev/vdc /mnt && echo kept > /mnt/file && umount /mnt && echo done") == "done"
    driver.volume_resize("vol_1", 2)
    until(lambda: inside.report()["disks"]["vol_1"] == 2 * GIB)
    driver.volume_detach(CONTRACT, "vol_1")
    assert "vol_1" not in inside.report()["disks"]
    driver.volume_attach(CONTRACT, "vol_1")
    until(lambda: "vol_1" in inside.report()["disks"])
    assert inside.run("mount -t ext4 /dev/vdc /mnt && cat /mnt/file; umount /mnt") == "kept"
    driver.volume_detach(CONTRACT, "vol_1")


def test_a_paused_guest_stands_still_and_goes_on_where_it_was(driver: QemuDriver, inside: Inside) -> None:
    clock, began = SystemClock(), SystemClock().monotonic()
    uptime = inside.report()["uptime_seconds"]
    driver.pause(CONTRACT)
    assert [(guest.up, guest.paused) for guest in driver.guests()] == [(False, True)]
    inside.send("cut -d ' ' -f 1 /proc/uptime")
    with pytest.raises(AssertionError, match="did not happen"):
        inside.answer(seconds=3.0)
    driver.resume(CONTRACT)
    inside.answer()
    assert inside.report()["uptime_seconds"] - uptime < clock.monotonic() - began - 2.5


def test_a_quota_of_a_half_halves_the_cpu_time_of_a_busy_guest(driver: QemuDriver, inside: Inside) -> None:
    """Where the machine is busy too, the guest does not get its half in every period: it is held to it in those in
    which it could have had more, which the kernel counts."""
    inside.run("(while :; do :; done) & echo $! > /tmp/busy")
    free = throttled_periods(CONTRACT)
    until(lambda: _cpu_share(driver, lambda: Event().wait(0.5)) > 0.65)
    assert throttled_periods(CONTRACT) == free
    half = replace(_sold(inside), cpu_percent=50)
    assert [answer.outcome for answer in driver.rescale(CONTRACT, 2, half)] == ["live"]
    used, held = _cpu_seconds(driver), throttled_periods(CONTRACT)
    assert _cpu_share(driver, lambda: until(lambda: throttled_periods(CONTRACT) >= held + HELD_PERIODS)) < 0.56
    assert _cpu_seconds(driver) - used > 0.9 * HELD_PERIODS * HALF_PERIOD_SECONDS
    driver.rescale(CONTRACT, 3, replace(half, cpu_percent=100))
    inside.run("kill $(cat /tmp/busy)")


def test_a_guest_goes_back_to_what_its_disk_was(driver: QemuDriver, inside: Inside, real_node: RealNode) -> None:
    inside.run("echo old > /data/file; sync")
    driver.snapshot(CONTRACT, "before")
    assert [kept.name for kept in driver.snapshots(CONTRACT)] == ["before"]
    boots = inside.report()["boots"]
    inside.run("echo new > /data/file; sync")
    driver.revert(CONTRACT, "before")
    driver.ensure(CONTRACT, 1, SPEC, run=True)
    await_ready(driver, CONTRACT)
    console = Inside(real_node.uri, CONTRACT)
    assert console.run("cat /data/file") == "old"
    assert console.report()["boots"] == boots + 1
    console.close()
    driver.drop_snapshot(CONTRACT, "before")
    assert driver.snapshots(CONTRACT) == ()


def test_a_guest_that_is_asked_to_goes_down_in_order_and_starts_again_as_another_instance(
    driver: QemuDriver, inside: Inside, real_node: RealNode
) -> None:
    boots, [before] = inside.report()["boots"], driver.guests()
    before_ns = driver.usage([CONTRACT])[CONTRACT].cpu_ns
    driver.nic_attach(CONTRACT, "eth1")
    driver.shutdown(CONTRACT)
    await_off(driver, CONTRACT)
    driver.ensure(CONTRACT, 1, SPEC, run=True)
    used = driver.usage([CONTRACT])[CONTRACT].cpu_ns
    after = await_ready(driver, CONTRACT)
    assert after.instance != before.instance
    assert after.endpoints == before.endpoints
    assert used < before_ns  # counted from the instance's beginning
    console = Inside(real_node.uri, CONTRACT)
    assert console.report()["boots"] == boots + 1
    assert list(console.report()["adapters"]) == ["eth0", "eth1"]
    console.close()
    driver.nic_detach(CONTRACT, "eth1")


def test_the_console_is_kept_and_bounded(driver: QemuDriver, inside: Inside) -> None:
    assert READY.encode() in driver.console(CONTRACT)
    inside.run("seq 1 60000")
    driver.usage([CONTRACT])
    kept = driver.console(CONTRACT)
    assert len(kept) < 200_000
    assert b"\n60000\r" in kept
    assert [guest.booting for guest in driver.guests()] == [False]


def _cpu_share(driver: QemuDriver, wait: Callable[[], object]) -> float:
    """CPU time in a second of real time that the guest gets meanwhile."""
    clock = SystemClock()
    at, used = clock.monotonic(), _cpu_seconds(driver)
    wait()
    used = _cpu_seconds(driver) - used
    return used / (clock.monotonic() - at)


def _cpu_seconds(driver: QemuDriver) -> float:
    return driver.usage([CONTRACT])[CONTRACT].cpu_ns / 1e9


def _sold(inside: Inside) -> GuestSpec:
    """SPEC, with the disk that earlier tests have left: it never shrinks."""
    return replace(SPEC, disk_gib=inside.report()["disks"]["disk"] // GIB)


def _get(url: str) -> str:
    return httpx.get(url, timeout=30.0, trust_env=False).text
