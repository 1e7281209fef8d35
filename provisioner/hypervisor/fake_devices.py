"""The devices of the hypervisor in memory: volumes, adapters and snapshots are entries in tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from common.errors import Conflict, NotFound, Refused
from common.wire import Filesystem
from provisioner.hypervisor.port import DETACH_SECONDS, Snapshot, Volume, own_volume


class FakeDevices(ABC):
    """The part of the port that is about devices."""

    def __init__(self) -> None:
        self.volume: dict[str, Volume] = {}
        self.adapters: dict[str, set[str]] = {}
        self.kept: dict[str, list[Snapshot]] = {}

    def forget_devices(self, contract: str) -> None:
        """Those of a guest that is removed."""
        self.adapters.pop(contract, None)
        self.kept.pop(contract, None)
        for volume in self.volumes():
            if volume.name.startswith(own_volume(contract, "")):
                del self.volume[volume.name]
            elif volume.guest == contract:
                self.volume[volume.name] = replace(volume, guest="")

    def snapshot(self, contract: str, name: str) -> None:
        """One more entry; its time is its number."""
        kept = self._kept(contract)
        if any(each.name == name for each in kept):
            raise Conflict("already_exists", f"the guest of {contract} has a snapshot {name}", field="name")
        kept.append(Snapshot(name, len(kept)))

    def snapshots(self, contract: str) -> tuple[Snapshot, ...]:
        """In the order in which they were made."""
        return tuple(self._kept(contract))

    def revert(self, contract: str, name: str) -> None:
        """There is nothing to revert."""
        if all(each.name != name for each in self._kept(contract)):
            raise NotFound("not_found", f"the guest of {contract} has no snapshot {name}")

    def drop_snapshot(self, contract: str, name: str) -> None:
        """One entry less."""
        self.kept[contract] = [each for each in self._kept(contract) if each.name != name]

    def volume_create(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """One more entry."""
        self._fail("volume_create")
        self.volume.setdefault(volume, Volume(volume, size_gib))

    def volume_replace(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        """Another entry."""
        self._check_free(volume)
        self.volume[volume] = Volume(volume, size_gib)

    def volume_resize(self, volume: str, size_gib: int) -> None:
        """Larger, never smaller."""
        now = self._volume(volume)
        if size_gib < now.size_gib:
            raise Refused("hypervisor_lacks", f"{volume} has {now.size_gib} GiB", field="size_gib", limit=now.size_gib)
        self.volume[volume] = replace(now, size_gib=size_gib)

    def volume_remove(self, volume: str) -> None:
        """One entry less."""
        self._check_free(volume)
        self.volume.pop(volume, None)

    def volume_withdraw(self, volume: str) -> None:
        """One entry less, whoever has it."""
        self._fail("volume_withdraw")
        self.volume.pop(volume, None)

    def volumes(self) -> tuple[Volume, ...]:
        """All entries."""
        self._fail("volumes")
        return tuple(self.volume.values())

    def volume_attach(self, contract: str, volume: str, known_as: str = "") -> None:
        """A note in the entry."""
        now = self._volume(volume)
        self._require(contract)
        if now.guest not in ("", contract):
            raise Conflict("state_forbids", f"the volume {volume} is attached to {now.guest}")
        self.volume[volume] = replace(now, guest=contract)

    def volume_detach(self, contract: str, volume: str, patience_seconds: float = DETACH_SECONDS) -> None:
        """No note any more."""
        self._fail("volume_detach")
        self._require(contract)
        if volume in self.volume and self.volume[volume].guest == contract:
            self.volume[volume] = replace(self.volume[volume], guest="")

    def nic_attach(self, contract: str, adapter: str) -> None:
        """One more name."""
        self._require(contract)
        self.adapters.setdefault(contract, set()).add(adapter)

    def nics(self, contract: str) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self.adapters.get(contract, ())))

    def nic_detach(self, contract: str, adapter: str) -> None:
        """One name less."""
        self._require(contract)
        self.adapters.get(contract, set()).discard(adapter)

    def console(self, contract: str) -> bytes:
        """A guest in memory says nothing."""
        self._require(contract)
        return b""

    @abstractmethod
    def _require(self, contract: str) -> None:
        """Raises NotFound unless there is such a guest."""

    @abstractmethod
    def _fail(self, method: str) -> None:
        """Raises what was put in for the next call of the method."""

    def _check_free(self, volume: str) -> None:
        if volume in self.volume and self.volume[volume].guest:
            raise Conflict("state_forbids", f"the volume {volume} is attached")

    def _kept(self, contract: str) -> list[Snapshot]:
        self._require(contract)
        return self.kept.setdefault(contract, [])

    def _volume(self, volume: str) -> Volume:
        if volume not in self.volume:
            raise NotFound("not_found", f"there is no volume {volume}")
        return self.volume[volume]
