from __future__ import annotations

from pathlib import Path

import libvirt
import pytest

from common.clock import SystemClock
from common.errors import Unavailable
from provisioner.hypervisor.boot_probe import boot_sector, probe_machine
from tests.provisioner.hypervisor.real_node import RealNode


def test_the_probe_finds_a_machine_that_boots_a_guest_and_leaves_nothing_behind(
    real_node: RealNode, tmp_path: Path
) -> None:
    machine = probe_machine(real_node.uri, tmp_path, SystemClock())
    assert machine.kind in ("kvm", "qemu")
    assert machine.limits_cpu
    assert list(tmp_path.iterdir()) == []
    connection = libvirt.open(real_node.uri)
    assert [domain.name() for domain in connection.listAllDomains() if domain.name().startswith("nestex-probe")] == []
    connection.close()


def test_where_no_guest_boots_it_says_so(libvirt_uri: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no guest boots"):
        probe_machine(libvirt_uri, tmp_path, SystemClock())


def test_a_hypervisor_that_is_away_is_not_taken_for_one_that_boots_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the boot probe: Failed to connect"):
        probe_machine(f"qemu+unix:///system?socket={tmp_path}/libvirt-sock", tmp_path, SystemClock())


def test_the_boot_sector_is_one() -> None:
    sector = boot_sector()
    assert len(sector) == 512
    assert sector.endswith(b"\x55\xaa")
