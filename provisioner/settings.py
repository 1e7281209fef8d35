"""What an agent is told: by arguments of `nestex agent`, or variables that start with NESTEX_AGENT_."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from common.errors import InvalidInput
from common.wire import Capacity

HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`token` is needed at the first start only; `heartbeat_seconds` are real; `declared` caps the capacity that is
    measured."""

    market_url: str
    data: Path
    libvirt_uri: str
    token: str | None = None
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    declared: Capacity | None = None


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
