"""What a node's libvirtd has behind it; apart from `hypervisors`, for a command line that starts fast."""

from __future__ import annotations

from enum import Enum


class HypervisorKind(Enum):
    """libvirt's test driver, which plays at guests, or QEMU, which runs them."""

    TEST = "test"
    QEMU = "qemu"
