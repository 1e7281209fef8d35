"""From a trade until its guest runs and until it is ready: on libvirt's test driver, and booted by QEMU; one guest, and
eight at once.

Baseline: the same domains, on fresh disks, through libvirt's Python binding alone; ready, as there, by the word on
the console.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing

import libvirt

from bench.one_node import OneNode, one_node
from common.clock import SystemClock
from common.ids import new_id
from nestex.stack.hypervisor_kind import HypervisorKind
from provisioner.hypervisor.domain_xml import domain_uuid
from provisioner.hypervisor.libvirt_connection import start_event_loop
from provisioner.hypervisor.seed import READY
from provisioner.programs import run_program

AT_ONCE = 8
_ROUNDS = {HypervisorKind.TEST: 3, HypervisorKind.QEMU: 1}


def run() -> Iterator[str]:
    """Lines of the report."""
    start_event_loop()  # before the first connection of the process, which is the supervisor's
    for kind in HypervisorKind:
        if kind is HypervisorKind.QEMU and os.geteuid() != 0:
            yield "guests that boot need root"
            return
        with one_node(kind) as node:
            for guests in (1, AT_ONCE):
                for _ in range(_ROUNDS[kind]):
                    yield _line(node, kind, guests)


def _line(node: OneNode, kind: HypervisorKind, guests: int) -> str:
    contracts = node.buy(guests)
    definitions = [_definition(node, contract) for contract in contracts]
    node.release(contracts)
    running, ready = (node.seconds(contracts, state) for state in ("running", "ready"))
    alone_running, alone_ready = _directly(node, contracts, definitions)
    return (
        f"{kind.value}, {guests} at once, load {os.getloadavg()[0]:.0f}: running after {running:.3f} s, ready after "
        f"{ready:.3f} s; directly {alone_running:.3f} s and {alone_ready:.3f} s; "
        f"ratio {running / alone_running:.1f} and {ready / alone_ready:.1f}"
    )


def _definition(node: OneNode, contract: str) -> str:
    """Of the guest, without our mark; its files are kept beside."""
    with closing(libvirt.open(node.libvirt_uri)) as connection:
        text: str = connection.lookupByName(contract).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    home, kept = node.guests / contract, node.guests / f"kept-{contract}"
    if home.exists():
        kept.mkdir()
        shutil.copy(home / "seed", kept / "seed")
        run_program("qemu-img", "create", "-q", "-f", "qcow2", kept / "disk", "10G")
        (kept / "console").touch()
    before, _, rest = text.partition("<metadata>")
    return before + rest.partition("</metadata>")[2]


def _directly(node: OneNode, contracts: list[str], definitions: list[str]) -> tuple[float, float]:
    """Seconds until the last domain ran, and until the last was ready."""
    clock = SystemClock()
    with closing(libvirt.open(node.libvirt_uri)) as connection:
        texts = [_another(each, text) for each, text in zip(contracts, definitions, strict=True)]
        began = clock.monotonic()
        domains = []
        for text in texts:
            domains.append(connection.defineXML(text))
            domains[-1].create()
        running = ready = clock.monotonic() - began
        waiting = [node.guests / f"kept-{contract}" / "console" for contract in contracts]
        if waiting[0].exists():
            node.until(lambda: all(READY.encode() in console.read_bytes() for console in waiting))
            ready = clock.monotonic() - began
        for domain in domains:
            domain.destroy()
            domain.undefine()
    for contract in contracts:
        shutil.rmtree(node.guests / f"kept-{contract}", ignore_errors=True)
    return running, ready


def _another(contract: str, text: str) -> str:
    """The definition of a domain of another name, with the files that were kept."""
    text = text.replace(f"/{contract}/", f"/kept-{contract}/").replace(domain_uuid(contract), "")
    return text.replace("<uuid></uuid>", "").replace(f"<name>{contract}</name>", f"<name>{new_id('con', 0)}</name>")
