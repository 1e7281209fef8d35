from __future__ import annotations

from provisioner.hypervisor.fake import FakeDriver
from tests.provisioner.factories import SPEC, contract


def test_the_hypervisor_in_memory_tells_a_power_off_from_a_crash() -> None:
    driver = FakeDriver()
    driver.ensure(contract(), 1, SPEC, run=True)
    driver.crash(contract())
    assert not driver.guests()[0].halted
    driver.ensure(contract(), 1, SPEC, run=True)
    driver.shutdown(contract())
    assert driver.guests()[0].halted
    driver.ensure(contract(), 1, SPEC, run=True)
    driver.stop(contract())
    assert not driver.guests()[0].halted
