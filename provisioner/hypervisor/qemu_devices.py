"""Devices that come and go while a QEMU guest runs: volumes and network adapters; and the states of its disk.

What is attached is part of the domain's definition from then on, so that a restarted guest has it too.
"""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any
from xml.etree import ElementTree

import libvirt

from common.errors import Conflict, NotFound, Unavailable
from common.wire import Filesystem
from provisioner.hypervisor.block_pool import BYTES_PER_GIB, BlockPool
from provisioner.hypervisor.domain_xml import read_mark
from provisioner.hypervisor.guest_files import GuestFiles
from provisioner.hypervisor.libvirt_connection import failures
from provisioner.hypervisor.libvirt_driver import PAUSED, LibvirtDriver
from provisioner.hypervisor.port import DETACH_SECONDS, Snapshot, Volume
from provisioner.hypervisor.qemu_monitor import drop_disk_snapshot, empty_disk, snapshot_disk
from provisioner.hypervisor.qemu_xml import (
    ADAPTER_PREFIX,
    FIRST_ADAPTER,
    VOLUME_PREFIX,
    adapter_alias,
    adapter_element,
    aliases,
    device_of,
    disk_targets,
    volume_alias,
    volume_element,
)
from provisioner.programs import run_program

_LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
_CONFIG = libvirt.VIR_DOMAIN_AFFECT_CONFIG
_DEFINED = libvirt.VIR_DOMAIN_XML_INACTIVE
_LAST_SECONDS = 3.0
"""So long a guest may take to let go of a volume whose contract is over."""
_POLL_SECONDS = 0.05


class QemuDevices(LibvirtDriver):
    """The part of the driver that needs disks and adapters."""

    def __init__(self, uri: str, kind: str, files: GuestFiles, block_pool: BlockPool) -> None:
        super().__init__(uri, kind)
        self._files = files
        self._block_pool = block_pool

    def snapshot(self, contract: str, name: str) -> None:
        """Inside the disk's file; of a guest that is up by QEMU, which alone may write to it."""
        if any(kept.name == name for kept in self.snapshots(contract)):
            raise Conflict("already_exists", f"the guest of {contract} has a snapshot {name}", field="name")
        with failures(f"snapshot {contract}"):
            domain, disk = self._present(contract), self._files.disk(contract)
            if domain.isActive():
                snapshot_disk(domain, disk, name)
            else:
                run_program("qemu-img", "snapshot", "-c", name, disk)

    def snapshots(self, contract: str) -> tuple[Snapshot, ...]:
        """As the disk's file lists them."""
        with failures(f"snapshots {contract}"):
            self._present(contract)
        told = json.loads(run_program("qemu-img", "info", "-U", "--output=json", self._files.disk(contract)))
        kept = [Snapshot(each["name"], _milliseconds(each)) for each in told.get("snapshots", ())]
        return tuple(sorted(kept, key=lambda each: each.at_ms))

    def revert(self, contract: str, name: str) -> None:
        """Off, back, and as large again as the disk has become since."""
        if all(kept.name != name for kept in self.snapshots(contract)):
            raise NotFound("not_found", f"the guest of {contract} has no snapshot {name}")
        size_gib = self._files.disk_gib(contract)
        self.stop(contract)
        run_program("qemu-img", "snapshot", "-a", name, self._files.disk(contract))
        self._files.fit_disk(contract, size_gib)

    def drop_snapshot(self, contract: str, name: str) -> None:
        """From the disk's file."""
        if all(kept.name != name for kept in self.snapshots(contract)):
            return
        with failures(f"drop snapshot {contract}"):
            domain, disk = self._present(contract), self._files.disk(contract)
            if domain.isActive():
                drop_disk_snapshot(domain, disk, name)
            else:
                run_program("qemu-img", "snapshot", "-d", name, disk)

    def volume_create(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """A file of the block pool."""
        self._block_pool.create(volume, size_gib, filesystem)

    def volume_replace(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """Another file under its name."""
        self._check_free(volume)
        self._block_pool.replace(volume, size_gib, filesystem)

    def volume_resize(self, volume: str, size_gib: int) -> None:
        """By QEMU where a running guest has it."""
        self._block_pool.check_growth(volume, size_gib)
        with failures(f"resize {volume}"):
            holder = self._holders().get(volume)
            if holder is None or not holder.isActive():
                self._block_pool.grow(volume, size_gib)
                return
            device = device_of(holder.XMLDesc(), volume_alias(volume))
            target = None if device is None else device.find("target")
            assert target is not None, "a volume that is attached is a disk"
            holder.blockResize(target.get("dev"), size_gib * BYTES_PER_GIB, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)

    def volume_remove(self, volume: str) -> None:
        """Its file."""
        self._check_free(volume)
        self._block_pool.remove(volume)

    def volume_withdraw(self, volume: str) -> None:
        """What has no room any more does no harm in a guest that keeps it."""
        with failures(f"withdraw {volume}"):
            holder = self._holders().get(volume)
            if holder is not None:
                self._take_away(holder, volume)
        self._block_pool.remove(volume)

    def volumes(self) -> tuple[Volume, ...]:
        """The pool's files, and who has them."""
        names = self._block_pool.names()
        if not names:
            return ()  # most nodes have none, and are asked often
        with failures("volumes"):
            holders = {volume: domain.name() for volume, domain in self._holders().items()}
        return tuple(Volume(name, self._block_pool.size_gib(name), holders.get(name, "")) for name in names)

    def volume_attach(self, contract: str, volume: str, known_as: str = "") -> None:
        """Live and in the definition."""
        path = self._block_pool.path(volume)
        with failures(f"attach {volume}"):
            domain = self._present(contract)
            holder = self._holders().get(volume)
            if holder is not None and holder.name() != contract:
                raise Conflict("state_forbids", f"the volume {volume} is attached to {holder.name()}")
            self._attach(domain, volume_alias(volume), _volume(domain, volume, path, known_as))

    def volume_detach(self, contract: str, volume: str, patience_seconds: float = DETACH_SECONDS) -> None:
        """Live and from the definition."""
        with failures(f"detach {volume}"):
            self._detach(self._present(contract), volume_alias(volume), patience_seconds)

    def nic_attach(self, contract: str, adapter: str) -> None:
        """Live and in the definition."""
        with failures(f"attach {adapter}"):
            self._attach(self._present(contract), adapter_alias(adapter), adapter_element(contract, adapter))

    def nics(self, contract: str) -> tuple[str, ...]:
        """Of the definition; the first one belongs to the guest itself."""
        with failures(f"adapters {contract}"):
            names = aliases(self._present(contract).XMLDesc(_DEFINED), ADAPTER_PREFIX)
        return tuple(name for name in names if name != FIRST_ADAPTER)

    def nic_detach(self, contract: str, adapter: str) -> None:
        """Live and from the definition."""
        with failures(f"detach {adapter}"):
            self._detach(self._present(contract), adapter_alias(adapter))

    def _attach(self, domain: Any, alias: str, device: ElementTree.Element) -> None:
        xml = ElementTree.tostring(device, encoding="unicode")
        if domain.isActive() and device_of(domain.XMLDesc(), alias) is None:
            domain.attachDeviceFlags(xml, _LIVE)
        if device_of(domain.XMLDesc(_DEFINED), alias) is None:
            domain.attachDeviceFlags(xml, _CONFIG)

    def _check_free(self, volume: str) -> None:
        with failures(f"look for {volume}"):
            if holder := self._holders().get(volume):
                raise Conflict("state_forbids", f"the volume {volume} is attached to {holder.name()}")

    def _take_away(self, holder: Any, volume: str) -> None:
        try:
            self._detach(holder, volume_alias(volume), _LAST_SECONDS)
        except (Unavailable, Conflict):
            empty_disk(holder, self._block_pool.path(volume))

    def _detach(self, domain: Any, alias: str, patience_seconds: float = DETACH_SECONDS) -> None:
        if domain.isActive() and domain.state()[0] == PAUSED and device_of(domain.XMLDesc(), alias) is not None:
            raise Conflict("state_forbids", f"the guest of {domain.name()} is paused, and lets go of nothing")
        if (device := device_of(domain.XMLDesc(_DEFINED), alias)) is not None:
            domain.detachDeviceFlags(ElementTree.tostring(device, encoding="unicode"), _CONFIG)
        if not domain.isActive() or (device := device_of(domain.XMLDesc(), alias)) is None:
            return
        domain.detachDeviceFlags(ElementTree.tostring(device, encoding="unicode"), _LIVE)
        pause = Event()
        for _ in range(round(patience_seconds / _POLL_SECONDS)):
            if device_of(domain.XMLDesc(), alias) is None:
                return
            pause.wait(_POLL_SECONDS)
        raise Unavailable("hypervisor_failed", f"the guest of {domain.name()} does not let go of a device")

    def _holders(self) -> dict[str, Any]:
        """Volume -> the domain that has it."""
        holders: dict[str, Any] = {}
        for domain in self._connect().listAllDomains():
            for flags in (0, _DEFINED):
                xml = domain.XMLDesc(flags)
                if read_mark(xml) is not None:
                    holders |= dict.fromkeys(aliases(xml, VOLUME_PREFIX), domain)
        return holders


def _volume(domain: Any, volume: str, path: Path, known_as: str) -> ElementTree.Element:
    taken = {*disk_targets(domain.XMLDesc()), *disk_targets(domain.XMLDesc(_DEFINED))}
    return volume_element(volume, path, taken, known_as)


def _milliseconds(told: dict[str, int]) -> int:
    return told["date-sec"] * 1000 + told["date-nsec"] // 1_000_000
