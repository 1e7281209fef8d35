"""Which hypervisor the nodes on this machine have: libvirt's test driver, which plays at guests, or QEMU, which runs
them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from nestex.stack.folder import DataFolder
from nestex.stack.hypervisor_kind import HypervisorKind
from nestex.stack.libvirtd import start_libvirtd
from nestex.stack.qemu_libvirtd import start_qemu_libvirtd
from nestex.stack.supervisor import Supervisor
from provisioner.images.debian import fetch_busybox, fetch_kernel
from provisioner.images.small_guest import NAME, build_small_guest

_POOL = "images"
_DEFAULT = "default"


def start_hypervisor(supervisor: Supervisor, node: str, kind: HypervisorKind) -> dict[str, str]:
    """A private libvirtd for the node, as a further child; the settings by which its agent uses it.

    With QEMU, an image pool is made where there is none, which takes some seconds and needs apt's packages. Raises
    Unavailable (`stack_failed`) where something is not installed, or the machine does not let it start.
    """
    if kind is HypervisorKind.TEST:
        return {"NESTEX_AGENT_LIBVIRT_URI": start_libvirtd(supervisor, node)}
    return {
        "NESTEX_AGENT_LIBVIRT_URI": start_qemu_libvirtd(supervisor, node),
        "NESTEX_AGENT_IMAGES": str(_image_pool(supervisor.folder)),
        "NESTEX_AGENT_OVERCOMMIT": "1",  # all nodes of a stack are this machine
        "NESTEX_AGENT_ADDRESS": _loopback(node),
    }


def _loopback(node: str) -> str:
    """An address of this machine for each node, so that their guests' ports do not meet."""
    return f"127.{'.'.join(str(byte) for byte in hashlib.sha256(node.encode()).digest()[:2])}.1"


def _image_pool(folder: DataFolder) -> Path:
    """The small guest, under its own name and as the image of those who name none."""
    pool = folder.subfolder(_POOL)
    if not (pool / f"{_DEFAULT}.json").exists():
        manifest = build_small_guest(fetch_kernel(), fetch_busybox(), pool)
        assert manifest.name == f"{NAME}.json"
        shutil.copyfile(manifest, pool / f"{_DEFAULT}.json")
    return pool
