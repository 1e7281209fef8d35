"""What libvirt does not offer of QEMU, through QEMU's own monitor: forwarded ports, snapshots of a disk in use,
and what becomes of a disk that is taken away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import libvirt_qemu

from common.errors import Unavailable
from provisioner.hypervisor.qemu_xml import FIRST_ALIAS

_HUMAN = 1  # VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
_NETWORK = f"host{FIRST_ALIAS}"  # libvirt's name for what is behind the adapter
_FORWARDED = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s")


def forwarded(domain: Any) -> set[int]:
    """The node's ports that lead to the guest now."""
    return {int(port) for port in _FORWARDED.findall(_human(domain, "info usernet"))}


def forward(domain: Any, address: str, node_port: int, port: int) -> bool:
    """Let a port of the node lead to one of the guest, by its first adapter; False where the port is taken."""
    return not _human(domain, f"hostfwd_add {_NETWORK} tcp:{address}:{node_port}-:{port}").strip()


def snapshot_disk(domain: Any, disk: Path, name: str) -> None:
    """Keep the disk's state inside its file, while the guest runs."""
    _ask(domain, "blockdev-snapshot-internal-sync", device=_node(domain, disk), name=name)


def drop_disk_snapshot(domain: Any, disk: Path, name: str) -> None:
    """Forget a state of a disk that is in use."""
    _ask(domain, "blockdev-snapshot-delete-internal-sync", device=_node(domain, disk), name=name)


def empty_disk(domain: Any, disk: Path) -> None:
    """Take all room from a disk that a guest does not let go of: whatever it reads or writes there fails."""
    _ask(domain, "block_resize", **{"node-name": _node(domain, disk)}, size=0)


def _node(domain: Any, disk: Path) -> str:
    for device in _ask(domain, "query-block"):
        inserted = device.get("inserted", {})
        if inserted.get("file") == str(disk):
            node = inserted["node-name"]
            assert isinstance(node, str)
            return node
    raise Unavailable("hypervisor_failed", f"the domain {domain.name()} does not use its disk {disk}")


def _ask(domain: Any, command: str, **arguments: str | int) -> Any:
    message = json.dumps({"execute": command, "arguments": arguments})
    answer = json.loads(libvirt_qemu.qemuMonitorCommand(domain, message, 0))
    if "error" in answer:
        raise Unavailable("hypervisor_failed", f"QEMU, {command}: {answer['error'].get('desc')}")
    return answer["return"]


def _human(domain: Any, command: str) -> str:
    answer = libvirt_qemu.qemuMonitorCommand(domain, command, _HUMAN)
    assert isinstance(answer, str)
    return answer
