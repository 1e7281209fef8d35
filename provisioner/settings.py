"""What an agent is told: by arguments of `nestex agent`, or variables that start with NESTEX_AGENT_."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from common.errors import InvalidInput
from common.wire import Capacity

HEARTBEAT_SECONDS = 10.0
Acceleration = Literal["auto", "kvm"]


@dataclass(frozen=True, slots=True)
class Settings:
    """`token` is needed at the first start only; `heartbeat_seconds` are real; `declared` caps the capacity that is
    measured, or with `overcommit` stands for it: for nodes of a demo that share a machine.

    The rest is for guests that really run. `storage` is the folder for their files, which QEMU's user must be able to
    reach, in `data` where it is None; `images` and `volumes` are the pools, in `storage` where they are None; `address`
    is where the node's forwarded ports are. With `acceleration` "kvm" an agent does not start where KVM is of no use.
    """

    market_url: str
    data: Path
    libvirt_uri: str
    token: str | None = None
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    declared: Capacity | None = None
    storage: Path | None = None
    images: Path | None = None
    volumes: Path | None = None
    address: str = "127.0.0.1"
    overcommit: bool = False
    acceleration: Acceleration = "auto"


def parse_capacity(text: str) -> Capacity:
    """From "vcpus,memory MiB,disk GiB", such as 8,32768,200. Raises InvalidInput."""
    parts = text.split(",")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise InvalidInput("invalid_field", "capacity is written vcpus,memory_mib,disk_gib", field="capacity")
    return Capacity(*map(int, parts))


def agent_version() -> str:
    """The version of the installed package; "source" where it runs from a checkout."""
    try:
        return version("nestex")
    except PackageNotFoundError:
        return "source"
