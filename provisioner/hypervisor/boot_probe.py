"""Whether KVM is worth anything here: a guest is booted with it and without it, and the time is taken.

That a machine has /dev/kvm, that libvirt lists `kvm`, even that a guest starts says nothing: inside another virtual
machine KVM may emulate every instruction, run slower than plain emulation and lose guests. So the faster one is chosen.
The guest is a boot sector of some thirty bytes, which counts for a while, says a word on its serial port and stops.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal
from xml.etree import ElementTree

import libvirt

from common.clock import RealClock
from common.errors import Unavailable
from provisioner.hypervisor.domain_xml import add
from provisioner.hypervisor.libvirt_connection import Connection, failures

log = logging.getLogger(__name__)

Kind = Literal["kvm", "qemu"]
PROBE_SECONDS = 30.0
"""How long the probe's guest may take; it needs less than a second, with KVM a fraction of one."""

LOOPS = 1 << 26
WORD = b"nestex"
_POLL_SECONDS = 0.02
_ORIGIN = 0x7C00
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Machine:
    """A hypervisor that runs guests: with KVM or without, and whether it can weigh and limit their CPU time."""

    kind: Kind
    limits_cpu: bool
    seconds: float
    """How long the probe's guest took."""


def probe_machine(uri: str, folder: Path, clock: RealClock) -> Machine:
    """KVM if a guest boots faster with it than without. Raises Unavailable where none boots at all, and where the
    hypervisor is away or goes away: that says nothing about either.

    `folder` is for the probe's files; QEMU must be able to reach it.
    """
    connect = Connection(uri)
    try:
        plain = _attempt(connect, "qemu", folder, clock, PROBE_SECONDS)
        return _attempt(connect, "kvm", folder, clock, plain.seconds if plain else PROBE_SECONDS) or _some(plain, uri)
    except OSError as error:
        raise Unavailable("hypervisor_failed", f"the boot probe: {error}") from error
    finally:
        connect.close()


def boot_sector() -> bytes:
    """A disk of one sector: writes WORD to the first serial port, then halts."""
    count = (
        bytes.fromhex("66b9") + LOOPS.to_bytes(4, "little") + bytes.fromhex("6649 75fc")
    )  # count: dec ecx; jnz count
    before = count + bytes.fromhex("31c0 8ed8 baf803 be")  # xor ax,ax; mov ds,ax; mov dx,0x3f8; mov si,<word>
    after = bytes.fromhex("ac 84c0 7403 ee ebf8 f4 ebfd")  # lodsb; test al,al; jz halt; out dx,al; jmp back; halt: hlt
    word = _ORIGIN + len(before) + 2 + len(after)
    code = before + word.to_bytes(2, "little") + after + WORD + b"\0"
    return code.ljust(_SECTOR - 2, b"\0") + b"\x55\xaa"


def _attempt(connect: Connection, kind: Kind, folder: Path, clock: RealClock, seconds: float) -> Machine | None:
    with failures("the boot probe"):
        connection = connect()
    try:
        machine = _boot(connection, kind, folder, clock, seconds)
    except (libvirt.libvirtError, Unavailable) as error:
        if not connection.isAlive():
            raise Unavailable("hypervisor_failed", f"libvirt went away during the boot probe: {error}") from error
        log.info("%s, with %.1f s for it: %s", kind, seconds, error)
        return None
    log.info("a guest boots with %s in %.2f s", kind, machine.seconds)
    return machine


def _some(machine: Machine | None, uri: str) -> Machine:
    if machine is None:
        raise Unavailable("hypervisor_failed", f"no guest boots on {uri}")
    return machine


def _boot(connection: Any, kind: Kind, folder: Path, clock: RealClock, seconds: float) -> Machine:
    name = f"nestex-probe-{secrets.token_hex(4)}"
    disk, output = folder / name, folder / f"{name}.out"
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    try:
        disk.write_bytes(boot_sector())
        output.write_bytes(b"")
        began = clock.monotonic()
        domain = connection.createXML(_probe_xml(kind, name, disk, output), libvirt.VIR_DOMAIN_START_AUTODESTROY)
        try:
            _await_word(output, began + seconds, clock)
            return Machine(kind, _limits_cpu(domain), clock.monotonic() - began)
        finally:
            domain.destroy()
    finally:
        disk.unlink(missing_ok=True)
        output.unlink(missing_ok=True)


def _await_word(output: Path, until: float, clock: RealClock) -> None:
    pause = Event()
    while WORD not in output.read_bytes():
        if clock.monotonic() > until:
            raise Unavailable("hypervisor_failed", "the guest says nothing")
        pause.wait(_POLL_SECONDS)


def _limits_cpu(domain: Any) -> bool:
    try:
        return "global_quota" in domain.schedulerParametersFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError:
        return False


def _probe_xml(kind: Kind, name: str, disk: Path, output: Path) -> str:
    domain = ElementTree.Element("domain", type=kind)
    add(domain, "name", name)
    add(domain, "uuid", str(uuid.uuid4()))
    add(domain, "memory", "16", unit="MiB")
    add(domain, "vcpu", "1")
    system = add(domain, "os")
    add(system, "type", "hvm", arch="x86_64", machine="pc")
    add(system, "boot", dev="hd")
    devices = add(domain, "devices")
    drive = add(devices, "disk", type="file", device="disk")
    add(drive, "driver", name="qemu", type="raw")
    add(drive, "source", file=str(disk))
    add(drive, "target", dev="hda", bus="ide")
    serial = add(devices, "serial", type="file")
    add(serial, "source", path=str(output), append="on")
    return ElementTree.tostring(domain, encoding="unicode")
