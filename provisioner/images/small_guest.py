"""The small L2 guest: Debian's cloud kernel and busybox, booted directly, up in seconds. It shows what it got.

Nothing is mounted and nothing is run to build it: files are taken out of two Debian packages and put into an archive
together with the scripts of `l2/`. The same packages give the same image, byte for byte.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

from common import codec
from common.errors import InvalidInput
from common.private_files import write_private
from provisioner.images.cpio import initramfs
from provisioner.images.deb import read_deb
from provisioner.images.manifest import ImageFile, Manifest

NAME = "nestex-l2"
COMMAND_LINE = "console=ttyS0 quiet panic=-1 random.trust_cpu=on cryptomgr.notests"
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_balloon", "isofs", "button", "evdev")
"""The drivers that the guest needs; what these need in turn comes with them."""

PLACES = {
    "init": "init",
    "seed": "etc/guest/seed",
    "disk": "etc/guest/disk",
    "hotplug": "etc/guest/hotplug",
    "adapter": "etc/guest/adapter",
    "dhcp": "etc/guest/dhcp",
    "power": "etc/acpi/PWRF/00000080",
    "report": "bin/report",
    "index.cgi": "www/cgi-bin/index.cgi",
    "report.cgi": "www/cgi-bin/report",
}
"""Where the scripts of `l2/` are in the guest."""

_DEPENDS = re.compile(rb"\0depends=([\w,-]*)\0")


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package file, and what it is: `name version`."""

    title: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return hashlib.sha256(self.content).hexdigest()


def build_small_guest(kernel: Package, busybox: Package, out: Path) -> Path:
    """Write the image into the folder `out`, which may be a pool in use; the path of its manifest.

    `kernel` is Debian's linux-image-*-cloud-amd64, `busybox` its busybox-static. Raises InvalidInput (`image_invalid`)
    where they are something else.
    """
    files = read_deb(kernel.content, _of_kernel)
    parts = {"kernel": _vmlinuz(files), "initrd": initramfs(_root(files, busybox))}
    out.mkdir(parents=True, exist_ok=True)
    named = {part: _put(out, f"{NAME}-{part}", content) for part, content in parts.items()}
    sources = {package.title: f"sha256:{package.sha256}" for package in (kernel, busybox)}
    manifest = out / f"{NAME}.json"  # last: whoever sees it finds the files
    _publish(manifest, codec.encode(Manifest(NAME, "kernel", named, COMMAND_LINE, sources)))
    return manifest


def _of_kernel(path: str) -> bool:
    return path.startswith("boot/vmlinuz-") or path.endswith(".ko")


def _vmlinuz(files: Mapping[str, bytes]) -> bytes:
    for path, content in files.items():
        if path.startswith("boot/vmlinuz-"):
            return content
    raise InvalidInput("image_invalid", "the kernel's package holds no boot/vmlinuz-*")


def _root(kernel_files: Mapping[str, bytes], busybox: Package) -> dict[str, tuple[int, bytes]]:
    programs = read_deb(busybox.content, lambda path: path in ("bin/busybox", "usr/bin/busybox"))
    if not programs:
        raise InvalidInput("image_invalid", "the package of busybox holds no bin/busybox")
    drivers = _drivers({PurePosixPath(path).stem: file for path, file in kernel_files.items()})
    scripts = resources.files("provisioner.images") / "l2"
    root = {"bin/busybox": (0o755, next(iter(programs.values())))}
    root |= {f"lib/modules/{name}.ko": (0o644, driver) for name, driver in drivers.items()}
    root["lib/modules/order"] = (0o644, "".join(f"{name}\n" for name in drivers).encode())
    root |= {place: (0o755, (scripts / script).read_bytes()) for script, place in PLACES.items()}
    return root


def _drivers(modules: Mapping[str, bytes]) -> dict[str, bytes]:
    """The modules that are needed, each after those that it needs."""
    ordered: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in ordered:
            return
        if name not in modules:
            raise InvalidInput("image_invalid", f"the kernel's package holds no module {name}")
        found = _DEPENDS.search(modules[name])
        for needed in found[1].decode().split(",") if found else ():
            if needed:
                add(needed)
        ordered[name] = modules[name]

    for name in MODULES:
        add(name)
    return ordered


def _put(out: Path, name: str, content: bytes) -> ImageFile:
    """Under a name of its own for each content: a new build does not disturb those that read the old one."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = f"{name}-{sha256[:12]}"
    _publish(out / file, content)
    return ImageFile(file, sha256)


def _publish(path: Path, content: bytes) -> None:
    write_private(path, content)
    path.chmod(0o644)
