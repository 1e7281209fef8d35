"""The calls that a hypervisor without devices refuses, each with its reason."""

from __future__ import annotations

from common.errors import Refused
from provisioner.hypervisor.port import Snapshot


class Lacking:
    """The part of the port that needs a disk, adapters or a console, for hypervisors whose guests have none."""

    def snapshot(self, contract: str, name: str) -> None:
        """Refused."""
        raise lacks("snapshots")

    def snapshots(self, contract: str) -> tuple[Snapshot, ...]:
        """None."""
        return ()

    def revert(self, contract: str, name: str) -> None:
        """Refused."""
        raise lacks("snapshots")

    def drop_snapshot(self, contract: str, name: str) -> None:
        """There is none."""

    def nic_attach(self, contract: str, adapter: str) -> None:
        """Refused."""
        raise lacks("network adapters")

    def nics(self, contract: str) -> tuple[str, ...]:
        """None."""
        return ()

    def nic_detach(self, contract: str, adapter: str) -> None:
        """None is attached."""

    def console(self, contract: str) -> bytes:
        """Refused."""
        raise lacks("console")


def lacks(what: str) -> Refused:
    """The refusal of what needs this."""
    return Refused("hypervisor_lacks", f"guests of this hypervisor have no {what}")
