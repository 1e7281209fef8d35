"""The hypervisor of a node of a stack, as its agent is told of it."""

from __future__ import annotations

from pathlib import Path

import libvirt
import pytest

from nestex.stack.hypervisor_kind import HypervisorKind
from nestex.stack.hypervisors import start_hypervisor
from nestex.stack.supervisor import Supervisor
from provisioner.images.pool import ImagePool


@pytest.mark.parametrize("kind", ["test", "qemu"])
def test_an_agent_gets_a_hypervisor_and_where_guests_really_boot_an_image_for_those_who_name_none(
    supervisor: Supervisor, tmp_path: Path, kind: str
) -> None:
    settings = start_hypervisor(supervisor, "node", HypervisorKind(kind))
    connection = libvirt.open(settings["NESTEX_AGENT_LIBVIRT_URI"])
    assert connection.getType().lower() == kind
    connection.close()
    if "NESTEX_AGENT_IMAGES" in settings:
        pool = ImagePool(Path(settings["NESTEX_AGENT_IMAGES"]), tmp_path / "cache")
        assert pool.fetch("default").manifest == pool.fetch("nestex-l2").manifest
    assert ("NESTEX_AGENT_IMAGES" in settings) == (kind == "qemu")
