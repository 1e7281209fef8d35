"""The hypervisor port on QEMU, with KVM or without: guests that boot, with disks, adapters, a console and a seed.

Networking is QEMU's own (user mode): each guest is alone on its network, reaches outside through the node, and is
reached at forwarded ports of the node. It needs no rights and no daemon; the price is in docs/limits.md.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt

from common.clock import RealClock
from common.errors import Unavailable
from common.wire import Endpoint, GuestSpec
from provisioner.hypervisor.block_pool import BlockPool
from provisioner.hypervisor.boot_probe import Machine
from provisioner.hypervisor.domain_xml import Forward, Mark, read_mark
from provisioner.hypervisor.guest_files import BYTES_PER_GIB, GuestFiles
from provisioner.hypervisor.libvirt_connection import failures
from provisioner.hypervisor.port import EVERYTHING, Counters, Guest, own_volume
from provisioner.hypervisor.qemu_devices import QemuDevices
from provisioner.hypervisor.qemu_monitor import forward, forwarded
from provisioner.hypervisor.qemu_xml import DISK, cpu_limits, extras_of, qemu_xml
from provisioner.images.pool import ImagePool

SSH = 22
SERVICES = {SSH: "ssh", 80: "http", 443: "https"}
"""What the endpoint of a port is called; any other is `tcp-<port>`."""

_CONFIG = libvirt.VIR_DOMAIN_XML_INACTIVE


@dataclass(frozen=True, slots=True)
class Places:
    """What a node gives its guests: folders for files, images and volumes, and an address with a range of ports.

    Where nodes of a demo share a disk, volumes `overcommit` it.
    """

    guests: Path
    images: Path
    cache: Path
    volumes: Path
    address: str = "127.0.0.1"
    ports: range = range(20_000, 28_000)
    overcommit: bool = False


class QemuDriver(QemuDevices):
    """`uri` is libvirt's, `machine` what a boot probe found it to be."""

    def __init__(self, uri: str, machine: Machine, places: Places, clock: RealClock) -> None:
        files = GuestFiles(places.guests, ImagePool(places.images, places.cache), clock)
        super().__init__(uri, machine.kind, files, _block_pool(places))
        self._places = places
        self.abilities = EVERYTHING if machine.limits_cpu else EVERYTHING - {"cpu_limits"}

    def remove(self, contract: str) -> None:
        """Undefine the domain and delete its files and its own volumes."""
        super().remove(contract)
        self._block_pool.remove_all(own_volume(contract, ""))
        self._files.remove(contract)

    def console(self, contract: str) -> bytes:
        """From the file that QEMU writes."""
        with failures(f"console {contract}"):
            self._present(contract)
        return self._files.console(contract)

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """What they moved in one call for all. What a guest's adapters carried is not counted in user mode."""
        with failures("usage"):
            found = {contract: self._domain(contract) for contract in contracts}
            domains = {each: domain for each, domain in found.items() if domain is not None and domain.isActive()}
            if not domains:
                return {}  # which libvirt does not take for an answer
            stats = self._connect().domainListGetStats(list(domains.values()), libvirt.VIR_DOMAIN_STATS_BLOCK)
            moved = {domain.UUIDString(): _moved(each) for domain, each in stats}
            for contract in domains:
                self._files.cut_console(contract)
            return {
                contract: replace(self._counters(domain), disk_bytes=moved.get(domain.UUIDString(), 0))
                for contract, domain in domains.items()
            }

    def _mark_for(self, domain: Any, contract: str, revision: int, spec: GuestSpec) -> Mark:
        mark = super()._mark_for(domain, contract, revision, spec)
        before = () if domain is None else self._recorded(domain)
        known = {each.port: each for each in before if _is_free(self._places.address, each.node_port)}
        taken = {each.node_port for other in self._connect().listAllDomains() for each in self._recorded(other)}
        chosen: list[Forward] = []
        for port in dict.fromkeys((SSH, *spec.ports)):
            chosen.append(known.get(port) or Forward(port, self._free_port(taken)))
            taken.add(chosen[-1].node_port)
        return replace(mark, forwards=tuple(chosen))

    def _define(self, mark: Mark) -> Any:
        before = self._domain(mark.contract)
        extras: list[ElementTree.Element] = [] if before is None else extras_of(before.XMLDesc(_CONFIG))
        cpus = min(self._connect().getInfo()[2], self.capabilities().guest_vcpus_max)
        files = self._files.prepare(mark.contract, mark.spec)
        limits = cpu_limits(mark.spec) if "cpu_limits" in self.abilities else {}
        return self._connect().defineXML(qemu_xml(self._kind, mark, files, cpus, limits, extras))

    def _start(self, domain: Any) -> None:
        """Paused until its ports are open: a guest that runs can be reached."""
        self._files.begin_start(domain.name())
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self._complete(domain)

    def _complete(self, domain: Any) -> None:
        there = forwarded(domain)
        for each in self._recorded(domain):
            if each.node_port not in there and not forward(domain, self._places.address, each.node_port, each.port):
                domain.destroy()  # its next start takes another port
                raise Unavailable("hypervisor_failed", f"the node's port {each.node_port} was taken")
        super()._complete(domain)

    def _apply(self, domain: Any, spec: GuestSpec, changed: set[str]) -> None:
        super()._apply(domain, spec, changed)
        if "disk_gib" in changed:
            domain.blockResize(DISK, spec.disk_gib * BYTES_PER_GIB, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
        if "cpu_limits" in self.abilities:
            vcpus = domain.vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE)
            domain.setSchedulerParametersFlags(cpu_limits(spec, vcpus), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _describe(self, mark: Mark, guest: Guest) -> Guest:
        if not guest.instance:
            return guest
        endpoints = tuple(
            Endpoint(SERVICES.get(each.port, f"tcp-{each.port}"), self._places.address, each.node_port)
            for each in mark.forwards
        )
        booting = guest.up and not self._files.is_ready(mark.contract, mark.start)
        return replace(guest, booting=booting, endpoints=endpoints)

    def _recorded(self, domain: Any) -> tuple[Forward, ...]:
        with suppress(libvirt.libvirtError):  # it went away after it was listed
            mark = read_mark(domain.XMLDesc())
            return () if mark is None else mark.forwards
        return ()

    def _free_port(self, taken: set[int]) -> int:
        for port in self._places.ports:
            if port not in taken and _is_free(self._places.address, port):
                return port
        raise Unavailable("hypervisor_failed", f"all ports from {self._places.ports} are taken")


def _block_pool(places: Places) -> BlockPool:
    memory = places.guests.with_name("block-pool")
    return BlockPool(places.volumes, memory, overcommit=places.overcommit)


def _is_free(address: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _moved(stats: Mapping[str, Any]) -> int:
    disks = range(stats.get("block.count", 0))
    return sum(stats.get(f"block.{disk}.{way}.bytes", 0) for disk in disks for way in ("rd", "wr"))
