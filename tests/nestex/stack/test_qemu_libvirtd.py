"""Private libvirtds with QEMU. What guests on them do is tested with the agent's drivers."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path

import libvirt
import pytest

from common.clock import SystemClock
from nestex.stack.folder import DataFolder
from nestex.stack.qemu_libvirtd import start_qemu_libvirtd
from nestex.stack.supervisor import Supervisor
from tests.nestex.stack.processes import once_back

NAME = f"nestex-{secrets.token_hex(4)}"  # cgroups are named after it
DOMAIN = f"""<domain type='qemu'><name>{NAME}</name><memory unit='MiB'>16</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"""


def _running(uri: str) -> list[str]:
    connection = libvirt.open(uri)
    try:
        return [domain.name() for domain in connection.listAllDomains() if domain.isActive()]
    finally:
        connection.close()


def _start(uri: str) -> None:
    connection = libvirt.open(uri)
    connection.createXML(DOMAIN)
    connection.close()


def _processes(word: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if word.encode() in line:
            found.append(int(process.name))
    return found


def test_guests_outlive_those_who_started_them_and_a_libvirtd_that_is_killed(supervisor: Supervisor) -> None:
    uri = start_qemu_libvirtd(supervisor, "node-1")
    _start(uri)
    socket = uri.partition("socket=")[2]
    home = str(Path(socket).parent)
    [daemon] = [
        pid for pid in _processes(f"{home}/libvirtd.conf") if Path(f"/proc/{pid}/comm").read_text() == "libvirtd\n"
    ]
    [guest] = _processes(f"guest={NAME}")
    os.kill(daemon, signal.SIGKILL)
    assert once_back(supervisor, lambda: _running(uri), (libvirt.libvirtError,)) == [NAME]
    assert _processes(f"guest={NAME}") == [guest]


def test_guests_end_with_the_stack(data_path: Path) -> None:
    with DataFolder.hold(data_path) as folder, Supervisor(folder, SystemClock()) as supervisor:
        _start(start_qemu_libvirtd(supervisor, "node-1"))
        assert _processes(f"guest={NAME}")
    with DataFolder.hold(data_path):  # which waits for all that the stack has left
        assert not _processes(f"guest={NAME}")


def test_busy_processes_of_the_machine_leave_its_guests_their_processor_time(supervisor: Supervisor) -> None:
    _start(start_qemu_libvirtd(supervisor, "node-1"))
    groups = ("cpu/machine/cpu.shares", "cpu,cpuacct/machine/cpu.shares", "machine/cpu.weight")
    weights = [path.read_text().strip() for name in groups if (path := Path("/sys/fs/cgroup", name)).exists()]
    assert set(weights) in ({"16384"}, {"1600"})


def test_nothing_of_the_machine_s_own_libvirt_is_changed(supervisor: Supervisor) -> None:
    folders = [Path(path) for path in ("/etc/libvirt", "/var/lib/libvirt", "/etc/passwd", "/etc/group")]
    before = [(path, path.stat().st_mtime_ns) for path in folders if path.exists()]
    _start(start_qemu_libvirtd(supervisor, "node-1"))
    assert [(path, path.stat().st_mtime_ns) for path, _ in before] == before


@pytest.fixture(autouse=True)
def _no_guest_is_left() -> None:
    assert not _processes(f"guest={NAME}")
