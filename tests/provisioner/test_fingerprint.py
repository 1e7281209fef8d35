from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from common.errors import Unavailable
from common.wire import Capacity
from provisioner.fingerprint import capped, measure


def test_the_machine_is_measured(tmp_path: Path) -> None:
    measured = measure(tmp_path)
    assert measured.vcpus == os.cpu_count()
    assert measured.disk_gib == shutil.disk_usage(tmp_path).total // 2**30
    assert measured.memory_mib == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


def test_a_machine_without_a_memory_size_is_unavailable(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemFree: 12 kB\n")
    with pytest.raises(Unavailable):
        measure(tmp_path, meminfo)


def test_the_declaration_caps_and_never_raises() -> None:
    measured = Capacity(8, 32_768, 200)
    assert capped(measured, None) == measured
    assert capped(measured, Capacity(4, 65_536, 100)) == Capacity(4, 32_768, 100)
