"""The domain of a guest as QEMU runs it: disks, adapters, console, limits of CPU time.

Devices that come and go carry an alias of ours (`ua-...`), by which they are found again; libvirt keeps such names over
restarts of anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from common.wire import GuestSpec
from provisioner.hypervisor.domain_xml import Mark, add, plain_domain
from provisioner.images.pool import Image

DISK = "vda"
FIRST_ADAPTER = "eth0"
ADAPTER_PREFIX = "ua-nic-"
VOLUME_PREFIX = "ua-vol-"
FIRST_ALIAS = f"{ADAPTER_PREFIX}{FIRST_ADAPTER}"
QUOTA_PERIOD_MICROS = 100_000
_VOLUMES = [f"vd{letter}" for letter in "cdefghijklmnopqrstuvwxyz"]
_SERIAL_LENGTH = 20  # virtio's longest
_ADAPTERS = uuid.UUID("0f4cbe28-6a0c-5f0c-8d4c-7d7d2b6f2a11")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a guest that is to start."""

    image: Image
    disk: Path
    seed: Path
    console: Path


def qemu_xml(
    kind: str,
    mark: Mark,
    files: Files,
    vcpus_max: int,
    limits: Mapping[str, int],
    extras: Iterable[ElementTree.Element],
) -> str:
    """The definition. `kind` is "kvm" or "qemu"; `vcpus_max` is how far it can grow while it runs; `limits` are those
    of `cpu_limits`, or nothing; `extras` are the devices that were attached to it before."""
    spec = mark.spec
    domain = plain_domain(kind, mark)
    add(domain, "vcpu", str(max(spec.vcpus, vcpus_max)), current=str(spec.vcpus))
    tuning = add(domain, "cputune")
    for name, value in limits.items():
        add(tuning, _TUNING[name], str(value))
    _add_boot(domain, files.image)
    add(add(domain, "features"), "acpi")
    if kind == "kvm":
        add(domain, "cpu", mode="host-passthrough")
    add(domain, "on_crash", "destroy")
    devices = add(domain, "devices")
    add(devices, "controller", type="usb", model="none")
    devices.append(_disk(files.disk, "qcow2", DISK, "disk"))
    seed = _disk(files.seed, "raw", "vdb", "cidata")
    add(seed, "readonly")
    devices.append(seed)
    devices.append(adapter_element(mark.contract, FIRST_ADAPTER))
    devices.extend(extras)
    serial = add(devices, "serial", type="pty")
    add(serial, "log", file=str(files.console), append="on")  # appending, so that it can be cut while it is written
    add(serial, "target", port="0")
    add(add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    add(devices, "memballoon", model="virtio")
    return ElementTree.tostring(domain, encoding="unicode")


_TUNING = {"cpu_shares": "shares", "global_period": "global_period", "global_quota": "global_quota"}


def cpu_limits(spec: GuestSpec, vcpus: int | None = None) -> dict[str, int]:
    """libvirt's scheduler parameters: weight, and microseconds that the guest gets in each period; -1 for no limit.

    `vcpus` are those that it runs with, where these are not those that it is to have.
    """
    limited = spec.cpu_percent < 100 or (vcpus or 0) > spec.vcpus
    return {
        "cpu_shares": spec.cpu_shares * spec.vcpus,  # of the whole guest, and each of its vCPUs weighs the same
        "global_period": QUOTA_PERIOD_MICROS,
        "global_quota": QUOTA_PERIOD_MICROS * spec.vcpus * spec.cpu_percent // 100 if limited else -1,
    }


def volume_alias(volume: str) -> str:
    """The alias of the disk by which a guest has a volume."""
    return f"{VOLUME_PREFIX}{volume}"


def adapter_alias(adapter: str) -> str:
    """The alias of a network adapter."""
    return f"{ADAPTER_PREFIX}{adapter}"


def volume_element(volume: str, path: Path, taken: Iterable[str], known_as: str = "") -> ElementTree.Element:
    """The disk of a volume, under the first name that is not `taken`. A guest's own volume has its own name inside."""
    target = next(name for name in _VOLUMES if name not in set(taken))
    known_as = known_as or volume.partition("-")[2] or volume
    element = _disk(path, "raw", target, known_as)
    add(element, "alias", name=volume_alias(volume))
    return element


def adapter_element(contract: str, adapter: str) -> ElementTree.Element:
    """A network adapter. Its hardware address follows from contract and name, so that the guest knows it again."""
    element = ElementTree.Element("interface", type="user")
    tail = uuid.uuid5(_ADAPTERS, f"{contract}/{adapter}").bytes[:3]
    add(element, "mac", address=":".join(["52:54:00", *(f"{byte:02x}" for byte in tail)]))
    add(element, "model", type="virtio")
    add(element, "rom", enabled="no")  # nothing is booted from the network
    add(element, "alias", name=adapter_alias(adapter))
    return element


def extras_of(xml: str) -> list[ElementTree.Element]:
    """Volumes and further adapters of a definition, as they are attached to the next one."""
    found = []
    for device in _devices(xml):
        alias = _alias(device)
        if alias.startswith((VOLUME_PREFIX, ADAPTER_PREFIX)) and alias != FIRST_ALIAS:
            address = device.find("address")
            if address is not None:
                device.remove(address)
            found.append(device)
    return found


def device_of(xml: str, alias: str) -> ElementTree.Element | None:
    """The device under this alias."""
    return next((device for device in _devices(xml) if _alias(device) == alias), None)


def disk_targets(xml: str) -> list[str]:
    """The names of all disks."""
    targets = (device.find("target") for device in _devices(xml) if device.tag == "disk")
    return [target.get("dev", "") for target in targets if target is not None]


def aliases(xml: str, prefix: str) -> list[str]:
    """What follows the prefix in the aliases that begin with it."""
    names = (_alias(device) for device in _devices(xml))
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def _devices(xml: str) -> list[ElementTree.Element]:
    devices = ElementTree.fromstring(xml).find("devices")  # noqa: S314  libvirt's own output
    return [] if devices is None else list(devices)


def _alias(device: ElementTree.Element) -> str:
    alias = device.find("alias")
    return "" if alias is None else alias.get("name", "")


def _add_boot(domain: ElementTree.Element, image: Image) -> None:
    system = add(domain, "os")
    add(system, "type", "hvm", arch="x86_64", machine="pc")
    if image.manifest.kind == "kernel":
        add(system, "kernel", str(image.files["kernel"]))
        add(system, "initrd", str(image.files["initrd"]))
        add(system, "cmdline", image.manifest.command_line)
    else:
        add(system, "boot", dev="hd")


def _disk(path: Path, form: str, target: str, serial: str) -> ElementTree.Element:
    disk = ElementTree.Element("disk", type="file", device="disk")
    add(disk, "driver", name="qemu", type=form, discard="unmap")
    add(disk, "source", file=str(path))
    add(disk, "target", dev=target, bus="virtio")
    add(disk, "serial", serial[-_SERIAL_LENGTH:])
    return disk
