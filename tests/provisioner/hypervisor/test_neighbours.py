"""Two guests that keep one processor busy: each gets the part of it that its slices bought."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from threading import Event

import libvirt

from provisioner.hypervisor.domain_xml import domain_uuid
from provisioner.hypervisor.qemu_driver import QemuDriver
from tests.provisioner.hypervisor.real_node import SMALL, Inside, RealNode, await_ready
from tests.provisioner.hypervisor.test_agent_on_qemu import new_contract

GUESTS = 2
MEASURED_SECONDS = 2.0


def test_a_guest_cannot_take_the_cpu_time_that_another_bought(real_guests: QemuDriver, real_node: RealNode) -> None:
    small, large = new_contract(), new_contract()
    heavy = replace(SMALL, cpu_shares=4 * SMALL.cpu_shares)
    for contract, spec in ((small, SMALL), (large, heavy)):
        real_guests.ensure(contract, 1, spec, run=True)
    for contract in (small, large):
        await_ready(real_guests, contract)
        with closing(Inside(real_node.uri, contract)) as console:
            console.run("(while :; do :; done) & echo busy")
    _share_one_processor(real_node, small, large)
    used = _cpu_ns(real_guests, small, large)
    assert used[large] > 2 * used[small]
    real_guests.rescale(large, 2, replace(heavy, cpu_percent=10))
    used = _cpu_ns(real_guests, small, large)
    assert used[small] > 2 * used[large]


def _share_one_processor(real_node: RealNode, *contracts: str) -> None:
    with closing(libvirt.open(real_node.uri)) as connection:
        processors = connection.getInfo()[2]
        for contract in contracts:
            domain = connection.lookupByUUIDString(domain_uuid(contract))
            domain.pinVcpu(0, (True, *[False] * (processors - 1)))


def _cpu_ns(driver: QemuDriver, *contracts: str) -> dict[str, int]:
    """What each gets in the same time."""
    before = driver.usage(contracts)
    Event().wait(MEASURED_SECONDS)
    after = driver.usage(contracts)
    return {contract: after[contract].cpu_ns - before[contract].cpu_ns for contract in contracts}
