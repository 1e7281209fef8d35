"""The block pool: a folder, which may be a network mount, with one file for each volume. Attaching is the driver's.

A volume is a plain file without data, so that it takes only the room that is written to. It is formatted before any
guest has had it, and never looked into afterwards: what a guest wrote is not for the node to read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from common.errors import NotFound, Refused, Unavailable
from common.wire import Filesystem
from provisioner.programs import run_program

BYTES_PER_GIB = 2**30
_SUFFIX = ".raw"


class BlockPool:
    """Volumes of the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, volume: str, size_gib: int, filesystem: Filesystem) -> None:
        """Nothing happens where it is there. Raises Unavailable where the pool is away or full."""
        path = self._folder / f"{volume}{_SUFFIX}"
        partial = self._folder / f".{volume}.{secrets.token_hex(4)}"
        try:
            if path.exists():
                return
            with partial.open("xb") as file:
                file.truncate(size_gib * BYTES_PER_GIB)
                os.fsync(file.fileno())
            if filesystem == "ext4":
                run_program("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", partial)
            partial.chmod(0o644)
            partial.rename(path)
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the volume {volume}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def path(self, volume: str) -> Path:
        """Its file. Raises NotFound."""
        path = self._folder / f"{volume}{_SUFFIX}"
        if not path.exists():
            raise NotFound("not_found", f"this node's block pool has no volume {volume}")
        return path

    def size_gib(self, volume: str) -> int:
        """Its size. Raises NotFound."""
        return self.path(volume).stat().st_size // BYTES_PER_GIB

    def check_growth(self, volume: str, size_gib: int) -> None:
        """Raises Refused (`hypervisor_lacks`) where that is smaller, and NotFound."""
        if size_gib < (now := self.size_gib(volume)):
            raise Refused(
                "hypervisor_lacks", f"a volume cannot shrink, and {volume} has {now} GiB", field="size_gib", limit=now
            )

    def grow(self, volume: str, size_gib: int) -> None:
        """Enlarge a volume that no running guest has."""
        os.truncate(self.path(volume), size_gib * BYTES_PER_GIB)

    def remove(self, volume: str) -> None:
        """Nothing happens where it is missing."""
        (self._folder / f"{volume}{_SUFFIX}").unlink(missing_ok=True)

    def remove_all(self, prefix: str) -> None:
        """Every volume whose name begins so."""
        for name in self.names():
            if name.startswith(prefix):
                self.remove(name)

    def names(self) -> list[str]:
        """All volumes. Raises Unavailable where the pool is away."""
        try:
            files = sorted(self._folder.iterdir())
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the block pool: {error}") from error
        return [file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)]
