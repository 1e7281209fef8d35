"""Capacities as they are typed: vCPUs, MiB of memory and GiB of disk, between commas."""

from __future__ import annotations

from common.errors import InvalidInput


def capacity_of(text: str, option: str) -> dict[str, int]:
    """As the market takes it. Raises InvalidInput that names the option."""
    try:
        vcpus, memory_mib, disk_gib = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInput("invalid_field", f"--{option} is written vcpus,memory_mib,disk_gib", field=option) from error
    return {"vcpus": vcpus, "memory_mib": memory_mib, "disk_gib": disk_gib}
