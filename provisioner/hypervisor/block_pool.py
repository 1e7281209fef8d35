"""The block pool: a folder, which may be a network mount, with one file for each volume. Attaching is the driver's.

A node keeps its volumes in a folder of its own inside the pool, whose name it remembers on its own disk: so several
nodes can share a mount, none takes another's volumes for orphans, and a mount that is away is not taken for a pool
that has lost everything. Nothing but plain files is asked of the pool: made under a temporary name beside the final
one, then renamed; no locks; and files without data take no room where the file system knows them.

A volume is formatted before any guest has had it, and never looked into afterwards: what a guest wrote is not for the
node to read.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import NotFound, Refused, Unavailable
from common.private_files import sync_folder, write_private
from common.wire import Filesystem
from provisioner.programs import run_program

BYTES_PER_GIB = 2**30
_BLOCK = 512
_SUFFIX = ".raw"
_SMALLEST_ROOM = 2**20
"""Bytes: a program that fails with less than this has failed for want of room."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BlockPool:
    """This node's volumes in the pool. `memory` is the file, on the node's own disk, with the name of their folder.

    Unless it may `overcommit`, a volume is made or grown only where the pool has room for all that was promised.
    """

    def __init__(self, pool: Path, memory: Path, *, overcommit: bool = False) -> None:
        self._pool = pool
        self._memory = memory
        self._overcommit = overcommit

    def create(self, volume: str, size_gib: int, filesystem: Filesystem) -> None:
        """Nothing happens where it is there. Raises Refused (`insufficient_capacity`) where the pool is full, and
        Unavailable where it is away."""
        with _faults(volume):
            if self._file(volume).exists():
                return
        self.replace(volume, size_gib, filesystem)

    def replace(self, volume: str, size_gib: int, filesystem: Filesystem) -> None:
        """A new volume in the place of the old one, if there is one. Raises what `create` does."""
        with _faults(volume):
            self._drop_partials(volume)
            self._check_room(volume, size_gib * BYTES_PER_GIB)
            path = self._file(volume)
            partial = path.with_name(f".{volume}.{secrets.token_hex(4)}")
            try:
                with partial.open("xb") as file:
                    file.truncate(size_gib * BYTES_PER_GIB)
                    os.fsync(file.fileno())
                if filesystem == "ext4":
                    self._format(partial, volume)
                partial.chmod(0o644)
                partial.rename(path)
                sync_folder(path.parent)
            finally:
                partial.unlink(missing_ok=True)

    def path(self, volume: str) -> Path:
        """Its file. Raises NotFound."""
        with _faults(volume):
            path = self._file(volume)
            if path.exists():
                return path
        raise NotFound("not_found", f"this node's block pool has no volume {volume}")

    def size_gib(self, volume: str) -> int:
        """Its size. Raises NotFound."""
        return self.path(volume).stat().st_size // BYTES_PER_GIB

    def check_growth(self, volume: str, size_gib: int) -> None:
        """Raises Refused where that is smaller (`hypervisor_lacks`) or more than there is room for
        (`insufficient_capacity`), and NotFound."""
        if size_gib < (now := self.size_gib(volume)):
            raise Refused(
                "hypervisor_lacks", f"a volume cannot shrink, and {volume} has {now} GiB", field="size_gib", limit=now
            )
        with _faults(volume):
            self._check_room(volume, (size_gib - now) * BYTES_PER_GIB)

    def grow(self, volume: str, size_gib: int) -> None:
        """Enlarge a volume that no running guest has."""
        path = self.path(volume)
        with _faults(volume):
            os.truncate(path, size_gib * BYTES_PER_GIB)

    def remove(self, volume: str) -> None:
        """Nothing happens where it is missing."""
        with _faults(volume):
            self._file(volume).unlink(missing_ok=True)
            self._drop_partials(volume)

    def remove_all(self, prefix: str) -> None:
        """Every volume whose name begins so."""
        for name in self.names():
            if name.startswith(prefix):
                self.remove(name)

    def names(self) -> list[str]:
        """All volumes. Raises Unavailable where the pool is away."""
        with _faults("all volumes"):
            files = sorted(self._home().iterdir())
        return [file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)]

    def _file(self, volume: str) -> Path:
        return self._home() / f"{volume}{_SUFFIX}"

    def _home(self) -> Path:
        """This node's folder in the pool: made once, and missing afterwards only where the pool is away."""
        if not self._memory.exists():
            name = f"node-{secrets.token_hex(8)}"
            (self._pool / name).mkdir(mode=0o711)
            self._memory.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
            write_private(self._memory, name)
        home = self._pool / self._memory.read_text(encoding="ascii")
        if not home.is_dir():
            raise Unavailable("hypervisor_failed", f"the block pool {self._pool} is away: it lacks this node's folder")
        return home

    def _format(self, path: Path, volume: str) -> None:
        try:
            run_program("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", path)
        except Unavailable as error:
            room = os.statvfs(self._pool)
            if room.f_bavail * room.f_frsize < _SMALLEST_ROOM:
                raise _full(volume, error.message) from error
            raise

    def _drop_partials(self, volume: str) -> None:
        for partial in self._home().glob(f".{volume}.*"):
            partial.unlink(missing_ok=True)

    def _check_room(self, volume: str, more_bytes: int) -> None:
        """What other volumes were promised and have not written yet is not free."""
        if self._overcommit or more_bytes <= 0:
            return
        found = [file.stat() for file in self._pool.glob(f"*/*{_SUFFIX}")]
        promised = sum(max(0, each.st_size - each.st_blocks * _BLOCK) for each in found)
        room = os.statvfs(self._pool)
        free = room.f_bavail * room.f_frsize - promised
        if more_bytes > free:
            left, needed = max(0, free) // BYTES_PER_GIB, -(-more_bytes // BYTES_PER_GIB)
            message = f"the block pool is full: the volume {volume} needs {needed} GiB more, there is room for {left}"
            raise Refused("insufficient_capacity", message, field="size_gib", limit=left)


@contextmanager
def _faults(volume: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(volume, str(error)) from error
        raise Unavailable("hypervisor_failed", f"the block pool: {volume}: {error}") from error


def _full(volume: str, why: str) -> Refused:
    return Refused("insufficient_capacity", f"the block pool is full: {volume}: {why}", field="size_gib")
