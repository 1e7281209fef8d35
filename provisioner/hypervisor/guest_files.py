"""What a guest has on the node's own disk: one folder for each contract, with its disk, its seed and its console.

    image     the manifest of the image that the disk was made from: a newer one in the pool changes nothing for it
    disk      qcow2; for an image of kind `disk` a copy on write of it, else empty
    seed      the cloud-init seed of the newest start
    console   what the guest wrote since then, the newest part of it
    ready     made empty when the guest starts; the token of that start since the guest was seen ready

Each appears under its name when it is complete; whatever was interrupted is done again.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from common.clock import RealClock
from common.errors import Refused, Unavailable
from common.private_files import write_private
from common.wire import GuestSpec
from provisioner.hypervisor.qemu_xml import Files
from provisioner.hypervisor.seed import READY, seed_image
from provisioner.images.pool import Image, ImagePool
from provisioner.programs import run_program

BYTES_PER_GIB = 2**30
CONSOLE_BYTES = 1 << 18
"""How long a console grows before it is cut to the newer half."""

READY_SECONDS_MAX = 300
"""A guest that has not said in this time that it is ready counts as ready: not every image says it."""


class GuestFiles:
    """The folders of all guests under `folder`."""

    def __init__(self, folder: Path, pool: ImagePool, clock: RealClock) -> None:
        self._folder = folder
        self._pool = pool
        self._clock = clock

    def prepare(self, contract: str, spec: GuestSpec) -> Files:
        """All files for a start. Raises Refused (`image_unusable`) where the image is none, and Unavailable."""
        home = self._home(contract)
        try:
            home.mkdir(mode=0o711, parents=True, exist_ok=True)
            image = self._image(home, spec)
            disk = home / "disk"
            if not disk.exists() or (_is_new(home) and _virtual_bytes(disk) > spec.disk_gib * BYTES_PER_GIB):
                _make_disk(disk, image, spec.disk_gib)
            self._grow(disk, spec.disk_gib)
            _replace(home / "seed", seed_image(contract, spec))
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the files of {contract}: {error}") from error
        return Files(image, disk, home / "seed", home / "console")

    def disk(self, contract: str) -> Path:
        """The guest's disk."""
        return self._home(contract) / "disk"

    def fit_disk(self, contract: str, size_gib: int) -> None:
        """Give the disk of a guest that is off this size, if it is smaller."""
        self._grow(self.disk(contract), size_gib)

    def disk_gib(self, contract: str) -> int:
        """The disk's size as the guest sees it."""
        return _virtual_bytes(self.disk(contract)) // BYTES_PER_GIB

    def begin_start(self, contract: str) -> None:
        """An empty console for the start that follows, which begins now."""
        try:
            for name in ("console", "ready"):
                (self._home(contract) / name).write_bytes(b"")
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the files of {contract}: {error}") from error

    def is_ready(self, contract: str, start: str) -> bool:
        """Whether the guest has said so in this start, or has had time enough."""
        home = self._home(contract)
        try:
            if (home / "ready").read_text(encoding="ascii") == start:
                return True
            if READY.encode() not in self.console(contract) and not self._had_time(home / "ready"):
                return False
            write_private(home / "ready", start)
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the console of {contract}: {error}") from error
        return True

    def console(self, contract: str) -> bytes:
        """The newest part of what it wrote, at most CONSOLE_BYTES."""
        path = self._home(contract) / "console"
        if not path.exists():
            return b""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - CONSOLE_BYTES))
            return file.read(CONSOLE_BYTES)

    def cut_console(self, contract: str) -> None:
        """Bound what a chatty guest leaves on the node's disk."""
        path = self._home(contract) / "console"
        if path.exists() and path.stat().st_size > CONSOLE_BYTES:
            newer = self.console(contract)[-CONSOLE_BYTES // 2 :]
            with path.open("r+b") as file:  # the same file: QEMU goes on writing at its end
                file.write(newer)
                file.truncate()

    def remove(self, contract: str) -> None:
        """All of it. Nothing happens where there is nothing."""
        try:
            if self._home(contract).exists():
                shutil.rmtree(self._home(contract))
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the files of {contract}: {error}") from error

    def _home(self, contract: str) -> Path:
        return self._folder / contract

    def _had_time(self, started: Path) -> bool:
        return self._clock.wall_micros() / 1_000_000 - started.stat().st_mtime > READY_SECONDS_MAX

    def _image(self, home: Path, spec: GuestSpec) -> Image:
        kept = home / "image"
        if kept.exists():
            return self._pool.described(kept.read_bytes())
        image = self._pool.fetch(spec.image)
        _replace(kept, image.described)
        return image

    def _grow(self, disk: Path, size_gib: int) -> None:
        if _virtual_bytes(disk) < size_gib * BYTES_PER_GIB:
            run_program("qemu-img", "resize", "-q", "-f", "qcow2", disk, f"{size_gib}G")


def _is_new(home: Path) -> bool:
    """Whether the guest was never started: then nobody has written anything to its disk."""
    return not (home / "console").exists()


def _make_disk(disk: Path, image: Image, size_gib: int) -> None:
    partial = disk.with_name(".disk")
    partial.unlink(missing_ok=True)
    size = f"{size_gib}G"
    if image.manifest.kind == "disk":
        original = image.files["disk"]
        if _virtual_bytes(original) > size_gib * BYTES_PER_GIB:
            raise Refused(
                "image_unusable", f"the image {image.manifest.name} is larger than {size_gib} GiB", field="disk_gib"
            )
        run_program("qemu-img", "create", "-q", "-f", "qcow2", "-b", original, "-F", "qcow2", partial, size)
    else:
        run_program("qemu-img", "create", "-q", "-f", "qcow2", partial, size)
    partial.rename(disk)


def _virtual_bytes(disk: Path) -> int:
    # Shared: a running QEMU has the disk locked.
    size = json.loads(run_program("qemu-img", "info", "-U", "--output=json", disk))["virtual-size"]
    assert isinstance(size, int)
    return size


def _replace(path: Path, content: bytes) -> None:
    write_private(path, content)
    path.chmod(0o644)  # QEMU may run as a user of its own
