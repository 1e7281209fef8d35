"""The hypervisor port through libvirt. Which hypervisor is behind it follows from the connection's URI.

The connection is opened at the first call and again after it was lost: a restarted libvirtd needs nobody's help.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import libvirt

from common.errors import Refused, Unavailable
from common.wire import GuestSpec
from provisioner.hypervisor.domain_xml import Mark, domain_uuid, domain_xml, read_mark
from provisioner.hypervisor.port import Capabilities, Counters, Guest

_UP = (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED)
_PAUSED = libvirt.VIR_DOMAIN_PAUSED
_KEEPALIVE_SECONDS = 5
_KEEPALIVE_MISSES = 3


class LibvirtDriver:
    """`uri` is libvirt's, such as test+unix:///default?socket=/run/node/libvirt-sock; `kind` is its type of domain."""

    def __init__(self, uri: str, kind: str = "test") -> None:
        start_event_loop()
        self._uri = uri
        self._kind = kind
        self._open: Any = None
        self._notify: Callable[[], None] = lambda: None

    def probe(self) -> None:
        """Raises Unavailable unless libvirt answers."""
        with _failures("probe"):
            self._connection().getInfo()

    def capabilities(self) -> Capabilities:
        """From the connection."""
        with _failures("capabilities"):
            connection = self._connection()
            release, part = divmod(connection.getVersion(), 1_000_000)
            version = f"{release}.{part // 1000}.{part % 1000}"
            kind = connection.getType()
            return Capabilities(kind, version, connection.getMaxVcpus(self._kind), simulated=kind == "TEST")

    def guests(self) -> tuple[Guest, ...]:
        """All domains that carry our mark."""
        with _failures("list"):
            found = (_seen(domain) for domain in self._connection().listAllDomains())
            return tuple(guest for guest in found if guest is not None)

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        """Define the domain under a fresh start token, then start it; a paused one is resumed."""
        largest = self.capabilities().guest_vcpus_max
        if spec.vcpus > largest:
            raise Refused(
                "insufficient_capacity",
                f"the hypervisor runs guests of {largest} vCPUs at most",
                field="vcpus",
                limit=largest,
            )
        with _failures(f"ensure {contract}"):
            domain = self._domain(contract)
            if domain is not None and domain.isActive():
                if run and domain.state()[0] == _PAUSED:
                    domain.resume()
            else:
                mark = Mark(contract, revision, secrets.token_hex(8))
                domain = self._connection().defineXML(domain_xml(self._kind, mark, spec))
                if run:
                    domain.create()
            guest = _seen(domain)
        if guest is None:
            raise Unavailable("hypervisor_failed", f"the domain of {contract} has lost its mark")
        return guest

    def stop(self, contract: str) -> None:
        """Destroy the domain: off at once, still defined."""
        with _failures(f"stop {contract}"):
            domain = self._domain(contract)
            if domain is not None and domain.isActive():
                domain.destroy()

    def remove(self, contract: str) -> None:
        """Undefine the domain."""
        with _failures(f"remove {contract}"):
            domain = self._domain(contract)
            if domain is not None:
                domain.undefine()

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """CPU time and current memory, from libvirt's own accounting."""
        with _failures("usage"):
            domains = {contract: self._domain(contract) for contract in contracts}
            return {contract: _counters(domain) for contract, domain in domains.items() if domain is not None}

    def listen(self, notify: Callable[[], None]) -> None:
        """Lifecycle events of all domains, on this connection and on those that replace it."""
        self._notify = notify

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._open is not None:
            with _failures("close"):
                self._open.close()
            self._open = None

    def _connection(self) -> Any:
        if self._open is None or not self._open.isAlive():
            self._open = libvirt.open(self._uri)
            if not self._uri.startswith("test:"):  # a driver in this process has no line that could break
                self._open.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVE_MISSES)
            self._open.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_event, None)
        return self._open

    def _on_event(self, *_event: object) -> None:
        self._notify()

    def _domain(self, contract: str) -> Any:
        try:
            return self._connection().lookupByUUIDString(domain_uuid(contract))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise


def _seen(domain: Any) -> Guest | None:
    try:
        mark = read_mark(domain.XMLDesc())
        if mark is None:
            return None
        up = domain.state()[0] in _UP
        return Guest(mark.contract, mark.revision, up, f"{mark.start}:{domain.ID()}" if up else "")
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None  # it went away after it was listed
        raise


def _counters(domain: Any) -> Counters:
    _state, _memory_max_kib, memory_kib, _vcpus, cpu_ns = domain.info()
    return Counters(cpu_ns=cpu_ns, memory_kib=memory_kib)


@contextmanager
def _failures(attempt: str) -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as error:
        raise Unavailable("hypervisor_failed", f"libvirt, {attempt}: {error}") from error


@cache
def start_event_loop() -> None:
    """libvirt's event loop, once in a process and before the first connection: events and keepalive need it."""
    libvirt.registerErrorHandler(_silent, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, name="libvirt-events", daemon=True).start()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _silent(_context: object, _error: object) -> None:
    """Errors come as exceptions; libvirt need not print them too."""
