from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import libvirt
import pytest

from common.errors import Refused, Unavailable
from provisioner.hypervisor.domain_xml import NAMESPACE, Forward, Mark, domain_uuid, domain_xml, read_mark
from provisioner.hypervisor.libvirt_driver import LibvirtDriver
from tests.provisioner.factories import SPEC, contract

FOREIGN = "test"  # libvirt's test driver begins with a domain of this name


@pytest.fixture
def connection(libvirt_uri: str) -> Iterator[libvirt.virConnect]:
    connection = libvirt.open(libvirt_uri)
    yield connection
    connection.close()


def test_a_guest_is_defined_then_started_then_stopped_then_removed(driver: LibvirtDriver) -> None:
    prepared = driver.ensure(contract(), 1, SPEC, run=False)
    assert driver.guests() == (prepared,)
    assert not prepared.up
    started = driver.ensure(contract(), 1, SPEC, run=True)
    assert driver.guests() == (started,)
    assert started.up
    driver.stop(contract())
    assert driver.guests() == (replace(started, up=False, instance=""),)
    driver.remove(contract())
    assert driver.guests() == ()


def test_every_call_may_be_repeated(driver: LibvirtDriver) -> None:
    first = driver.ensure(contract(), 1, SPEC, run=True)
    assert driver.ensure(contract(), 1, SPEC, run=True) == first
    assert driver.guests() == (first,)
    for _ in range(2):
        driver.stop(contract())
    for _ in range(2):
        driver.remove(contract())
    driver.stop(contract())


def test_each_start_is_an_instance_of_its_own(driver: LibvirtDriver) -> None:
    instances = set()
    for _ in range(3):
        instances.add(driver.ensure(contract(), 1, SPEC, run=True).instance)
        driver.stop(contract())
    assert len(instances) == 3


def test_each_start_is_marked_anew_because_a_new_libvirtd_counts_its_domains_from_the_beginning(
    driver: LibvirtDriver,
) -> None:
    marks = set()
    for _ in range(3):
        mark, _colon, _domain_id = driver.ensure(contract(), 1, SPEC, run=True).instance.partition(":")
        marks.add(mark)
        driver.stop(contract())
    assert len(marks) == 3


def test_an_instance_is_known_again_by_another_connection(driver: LibvirtDriver, libvirt_uri: str) -> None:
    started = driver.ensure(contract(), 1, SPEC, run=True)
    driver.close()
    assert LibvirtDriver(libvirt_uri).guests() == (started,)


def test_the_domain_has_what_the_contract_promises(driver: LibvirtDriver, connection: libvirt.virConnect) -> None:
    driver.ensure(contract(), 4, replace(SPEC, vcpus=3, memory_mib=512), run=True)
    domain = connection.lookupByUUIDString(domain_uuid(contract()))
    _state, memory_kib, _now_kib, vcpus, _cpu_ns = domain.info()
    assert (vcpus, memory_kib) == (3, 512 * 1024)
    assert domain.name() == contract()
    mark = read_mark(domain.XMLDesc())
    assert mark is not None
    assert (mark.contract, mark.revision) == (contract(), 4)


def test_a_guest_that_is_off_gets_its_newest_definition(driver: LibvirtDriver) -> None:
    driver.ensure(contract(), 1, SPEC, run=False)
    driver.ensure(contract(), 2, replace(SPEC, vcpus=2), run=False)
    assert [guest.revision for guest in driver.guests()] == [2]
    driver.ensure(contract(), 2, SPEC, run=True)
    driver.ensure(contract(), 3, SPEC, run=True)
    assert [guest.revision for guest in driver.guests()] == [2]


def test_foreign_domains_are_neither_seen_nor_touched(driver: LibvirtDriver, connection: libvirt.virConnect) -> None:
    before = connection.lookupByName(FOREIGN).XMLDesc()
    driver.ensure(contract(), 1, SPEC, run=True)
    assert [guest.contract for guest in driver.guests()] == [contract()]
    driver.stop(FOREIGN)
    driver.remove(FOREIGN)
    assert connection.lookupByName(FOREIGN).XMLDesc() == before


def test_a_domain_that_only_looks_like_ours_is_foreign() -> None:
    mark = Mark(contract(), 1, "a", SPEC, (Forward(22, 20_000),))
    ours = domain_xml("test", mark)
    assert read_mark(ours) == mark
    assert read_mark(ours.replace(domain_uuid(contract()), domain_uuid(contract(2)))) is None
    assert read_mark(ours.replace(NAMESPACE, "urn:somebody:else")) is None


def test_text_of_a_buyer_cannot_change_the_definition() -> None:
    hostile = replace(SPEC, name="</title><memory unit='GiB'>900</memory>")
    assert "&lt;/title&gt;" in domain_xml("test", Mark(contract(), 1, "a", hostile))


def test_a_guest_that_went_down_is_seen_as_down_and_told(driver: LibvirtDriver, connection: libvirt.virConnect) -> None:
    told = threading.Event()
    driver.listen(told.set)
    driver.ensure(contract(), 1, SPEC, run=True)
    assert told.wait(5)
    told.clear()
    connection.lookupByUUIDString(domain_uuid(contract())).destroy()
    assert told.wait(5)
    assert [guest.up for guest in driver.guests()] == [False]


def test_a_paused_guest_is_not_up_and_is_resumed_by_ensure(
    driver: LibvirtDriver, connection: libvirt.virConnect
) -> None:
    started = driver.ensure(contract(), 1, SPEC, run=True)
    connection.lookupByUUIDString(domain_uuid(contract())).suspend()
    assert [(guest.up, guest.paused) for guest in driver.guests()] == [(False, True)]
    assert driver.ensure(contract(), 1, SPEC, run=True) == started


def test_usage_is_that_of_the_guests_asked_for(driver: LibvirtDriver) -> None:
    driver.ensure(contract(1), 1, SPEC, run=True)
    driver.ensure(contract(2), 1, SPEC, run=True)
    usage = driver.usage([contract(1), contract(3)])
    assert list(usage) == [contract(1)]
    assert usage[contract(1)].memory_kib == SPEC.memory_mib * 1024


def test_a_guest_with_more_vcpus_than_the_hypervisor_can_give_is_refused(driver: LibvirtDriver) -> None:
    largest = driver.capabilities().guest_vcpus_max
    with pytest.raises(Refused, match=str(largest)):
        driver.ensure(contract(), 1, replace(SPEC, vcpus=largest + 1), run=True)
    assert driver.guests() == ()
    driver.ensure(contract(), 1, replace(SPEC, vcpus=largest), run=True)


def test_a_hypervisor_that_cannot_be_reached_is_unavailable_and_a_lost_connection_is_replaced(
    driver: LibvirtDriver, libvirt_uri: str
) -> None:
    with pytest.raises(Unavailable, match="probe"):
        LibvirtDriver(libvirt_uri + "-nobody-listens").probe()
    driver.probe()
    driver.close()
    driver.probe()
    assert driver.capabilities().hypervisor == "TEST"
