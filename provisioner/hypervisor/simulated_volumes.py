"""Volumes of libvirt's test driver: entries of its storage pool. They are made and removed; guests cannot have them.

libvirt keeps them as it keeps the domains, so that they outlive an agent.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import libvirt

from common.errors import Refused
from common.wire import Filesystem
from provisioner.hypervisor.lacking import lacks
from provisioner.hypervisor.libvirt_connection import Connection, failures
from provisioner.hypervisor.port import DETACH_SECONDS, Volume

POOL = "default-pool"
BYTES_PER_GIB = 2**30


class SimulatedVolumes:
    """The part of the port that is about volumes, for guests without devices."""

    _connect: Connection

    def volume_create(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """One more entry; of a volume that is a contract's own, for a guest's own would be of no use to it."""
        if "-" in volume:
            raise lacks("volumes")
        with failures(f"create {volume}"):
            if self._find(volume) is None:
                self._pool().createXML(_volume_xml(volume, size_gib), 0)

    def volume_replace(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """Another entry."""
        self.volume_remove(volume)
        self.volume_create(volume, size_gib, filesystem)

    def volume_resize(self, volume: str, size_gib: int) -> None:
        """Refused: libvirt has no such call for it."""
        raise Refused("hypervisor_lacks", "volumes of this hypervisor do not grow")

    def volume_remove(self, volume: str) -> None:
        """One entry less."""
        with failures(f"remove {volume}"):
            found = self._find(volume)
            if found is not None:
                found.delete(0)

    def volume_withdraw(self, volume: str) -> None:
        """One entry less."""
        self.volume_remove(volume)

    def volumes(self) -> tuple[Volume, ...]:
        """All entries."""
        with failures("volumes"):
            found = self._pool().listAllVolumes()
            return tuple(sorted((_seen(each) for each in found), key=lambda volume: volume.name))

    def volume_attach(self, contract: str, volume: str, known_as: str = "") -> None:
        """Refused."""
        raise lacks("volumes")

    def volume_detach(self, contract: str, volume: str, patience_seconds: float = DETACH_SECONDS) -> None:
        """None is attached."""

    def _pool(self) -> Any:
        return self._connect().storagePoolLookupByName(POOL)

    def _find(self, volume: str) -> Any:
        try:
            return self._pool().storageVolLookupByName(volume)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
                return None
            raise


def _seen(volume: Any) -> Volume:
    _kind, capacity, _allocation = volume.info()
    return Volume(volume.name(), capacity // BYTES_PER_GIB)


def _volume_xml(volume: str, size_gib: int) -> str:
    element = ElementTree.Element("volume")
    ElementTree.SubElement(element, "name").text = volume
    ElementTree.SubElement(element, "capacity", unit="bytes").text = str(size_gib * BYTES_PER_GIB)
    ElementTree.SubElement(element, "allocation").text = "0"
    return ElementTree.tostring(element, encoding="unicode")
