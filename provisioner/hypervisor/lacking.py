"""The calls that a hypervisor without devices refuses, each with its reason."""

from __future__ import annotations

from common.errors import Refused
from common.wire import Filesystem
from provisioner.hypervisor.port import Snapshot, Volume


class Lacking:
    """The part of the port that needs disks, adapters or a console, for hypervisors whose guests have none."""

    def snapshot(self, contract: str, name: str) -> None:
        """Refused."""
        raise _lacks("snapshots")

    def snapshots(self, contract: str) -> tuple[Snapshot, ...]:
        """None."""
        return ()

    def revert(self, contract: str, name: str) -> None:
        """Refused."""
        raise _lacks("snapshots")

    def drop_snapshot(self, contract: str, name: str) -> None:
        """There is none."""

    def volume_create(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """Refused."""
        raise _lacks("volumes")

    def volume_resize(self, volume: str, size_gib: int) -> None:
        """Refused."""
        raise _lacks("volumes")

    def volume_remove(self, volume: str) -> None:
        """There is none."""

    def volumes(self) -> tuple[Volume, ...]:
        """None."""
        return ()

    def volume_attach(self, contract: str, volume: str) -> None:
        """Refused."""
        raise _lacks("volumes")

    def volume_detach(self, contract: str, volume: str) -> None:
        """None is attached."""

    def nic_attach(self, contract: str, adapter: str) -> None:
        """Refused."""
        raise _lacks("network adapters")

    def nics(self, contract: str) -> tuple[str, ...]:
        """None."""
        return ()

    def nic_detach(self, contract: str, adapter: str) -> None:
        """None is attached."""

    def console(self, contract: str) -> bytes:
        """Refused."""
        raise _lacks("console")


def _lacks(what: str) -> Refused:
    return Refused("hypervisor_lacks", f"guests of this hypervisor have no {what}")
