"""A node that runs real guests, and a voice inside a guest: its serial console."""

from __future__ import annotations

import json
import resource
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import libvirt

from common.clock import SystemClock
from common.wire import GuestSpec
from nestex.stack.supervisor import Supervisor
from provisioner.hypervisor.boot_probe import Machine
from provisioner.hypervisor.domain_xml import domain_uuid
from provisioner.hypervisor.port import Guest
from provisioner.hypervisor.qemu_driver import Places, QemuDriver

SMALL = GuestSpec("Web 1", vcpus=1, memory_mib=128, disk_gib=1, image="nestex-l2", ports=(80,))
READY_SECONDS = 120.0
ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.05
LITTLE_GIB = 2


@dataclass(frozen=True, slots=True)
class RealNode:
    """A libvirtd with QEMU, what a boot probe found of it, and what the node gives its guests."""

    uri: str
    machine: Machine
    places: Places
    supervisor: Supervisor


def await_ready(driver: QemuDriver, contract: str) -> Guest:
    """The guest, when it has said that it is ready."""
    ready = until(lambda: [guest for guest in _of(driver, contract) if guest.up and not guest.booting])
    assert isinstance(ready[0], Guest)
    return ready[0]


def await_off(driver: QemuDriver, contract: str) -> None:
    """Wait until the guest is off."""
    until(lambda: [guest for guest in _of(driver, contract) if not guest.instance])


def until(look: Any, seconds: float = READY_SECONDS) -> Any:
    """What `look` finds, as soon as it finds something."""
    clock, pause = SystemClock(), Event()
    end = clock.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert clock.monotonic() < end, "it did not happen"
        pause.wait(POLL_SECONDS)


def _of(driver: QemuDriver, contract: str) -> list[Guest]:
    return [guest for guest in driver.guests() if guest.contract == contract]


def libvirtd_of(supervisor: Supervisor, node: str = "node") -> int:
    """The process id of the daemon, which is somewhere under the process that made its namespaces."""
    family = [supervisor.pid(f"libvirtd-{node}")]
    for pid in family:
        if Path(f"/proc/{pid}/comm").read_text().strip() == "libvirtd":
            return pid
        family.extend(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    raise AssertionError("libvirtd does not run")


@contextmanager
def little_memory(libvirtd: int) -> Iterator[None]:
    """A node on which a QEMU that starts gets no more than LITTLE_GIB, itself included: guests of 256 MiB find room."""
    before = resource.prlimit(libvirtd, resource.RLIMIT_AS, (LITTLE_GIB * 2**30, resource.RLIM_INFINITY))
    yield
    resource.prlimit(libvirtd, resource.RLIMIT_AS, before)


def qemu_of(contract: str) -> int:
    """The process id of a guest's QEMU, of which there is one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if f"guest={contract},".encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    [pid] = found
    return pid


def throttled_periods(contract: str) -> int:
    """So many periods the kernel has cut short for the guest, because it wanted more than its quota. Reads the cgroup
    that libvirt has made for the guest, below `machine`."""
    for line in Path(f"/proc/{qemu_of(contract)}/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        stat = Path("/sys/fs/cgroup", controllers, *path.split("/")[1:3], "cpu.stat")
        if not controllers or "cpu" in controllers.split(","):
            for name, value in (each.split() for each in stat.read_text().splitlines()):
                if name == "nr_throttled":
                    return int(value)
    raise AssertionError("the guest has no cgroup with a quota")


class Inside:
    """The shell on a guest's serial console, through libvirt."""

    def __init__(self, uri: str, contract: str) -> None:
        self._connection = libvirt.open(uri)
        self._stream = self._connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        domain = self._connection.lookupByUUIDString(domain_uuid(contract))
        domain.openConsole(None, self._stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)

    def close(self) -> None:
        """Let go of the console, which may have gone with its guest."""
        with suppress(libvirt.libvirtError):
            self._stream.abort()
        self._connection.close()

    def run(self, command: str) -> str:
        """What the command writes. The echo of the line itself is not part of it."""
        self.send(command)
        return self.answer()

    def send(self, command: str) -> None:
        """Type the command, and a word that says when it has ended."""
        self._end = secrets.token_hex(4)
        # In two pieces, so that the echo of the line is not taken for the answer.
        self._stream.send(
            f"echo {self._end[:4]}''{self._end[4:]}; {command}; echo {self._end[4:]}''{self._end[:4]}\n".encode()
        )

    def answer(self, seconds: float = ANSWER_SECONDS) -> str:
        """What the command that was sent last writes. Fails if it does not come to its end."""
        begin, end, heard = self._end, self._end[4:] + self._end[:4], bytearray()

        def whole() -> bool:
            part = self._stream.recv(4096)
            if part != -2:  # nothing has come
                heard.extend(part)
            return end.encode() in heard

        until(whole, seconds)
        return heard.decode(errors="replace").partition(begin)[2].partition(end)[0].replace("\r\n", "\n").strip("\n")

    def report(self) -> dict[str, Any]:
        """What the guest says it got."""
        told: dict[str, Any] = json.loads(self.run("report"))
        return told
