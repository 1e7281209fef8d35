"""The two Debian packages of the small guest, from the sources that this machine's apt is set up with.

apt checks what it fetches against the lists that the distribution signs. No rights are needed, nothing is installed.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from common.errors import Refused
from provisioner.images.small_guest import Package
from provisioner.programs import run_program

KERNEL = "linux-image-cloud-amd64"
BUSYBOX = "busybox-static"
_NEWEST_KERNEL = re.compile(r"Depends: (linux-image-[\w.+~-]+-cloud-amd64)\b")


def fetch_kernel() -> Package:
    """The package of Debian's newest cloud kernel. Raises Unavailable, or Refused where apt knows none."""
    found = _NEWEST_KERNEL.search(run_program("apt-cache", "depends", KERNEL, good=(0, 100)))
    if found is None:
        raise Refused("image_unusable", f"apt knows no {KERNEL}: run apt-get update, or give the kernel's package")
    return _fetch(found[1])


def fetch_busybox() -> Package:
    """The package of Debian's static busybox. Raises Unavailable."""
    return _fetch(BUSYBOX)


def read_package(path: Path) -> Package:
    """A package that is there already."""
    name, _, rest = path.name.removesuffix(".deb").partition("_")
    return Package(" ".join(filter(None, (name, rest.partition("_")[0].replace("%3a", ":")))), path.read_bytes())


def _fetch(name: str) -> Package:
    with tempfile.TemporaryDirectory(prefix="nestex-image-") as folder:
        Path(folder).chmod(0o755)
        # As root, apt would fetch as a user that may not write here, and complain; its checks are the same.
        run_program("apt-get", "-o", "APT::Sandbox::User=root", "download", name, folder=Path(folder))
        return read_package(next(Path(folder).glob("*.deb")))
