"""The hypervisor port through libvirt, as far as it is the same for every hypervisor behind it.

This class is whole for libvirt's own test driver, which runs no guests and gives them no devices; `QemuDriver` does.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import libvirt

from common.errors import Conflict, NotFound, Refused, Unavailable
from common.wire import FieldAnswer, GuestSpec
from provisioner.hypervisor.domain_xml import NAMESPACE, PREFIX, Mark, domain_uuid, domain_xml, mark_xml, read_mark
from provisioner.hypervisor.lacking import Lacking
from provisioner.hypervisor.libvirt_connection import Connection, failures
from provisioner.hypervisor.port import Ability, Capabilities, Counters, Guest
from provisioner.hypervisor.rescaling import Room, answers, granted
from provisioner.hypervisor.simulated_volumes import SimulatedVolumes

UP = (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED)
PAUSED = libvirt.VIR_DOMAIN_PAUSED
KIB_PER_MIB = 1024
_OFF_IN_ORDER = (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN)
_SIMULATED: frozenset[Ability] = frozenset({"pause", "shutdown", "vcpu_plug", "balloon", "volumes"})


class LibvirtDriver(SimulatedVolumes, Lacking):
    """`uri` is libvirt's, such as test+unix:///default?socket=/run/node/libvirt-sock; `kind` is its type of domain."""

    abilities = _SIMULATED

    def __init__(self, uri: str, kind: str = "test") -> None:
        self._kind = kind
        self._connect = Connection(uri)

    def probe(self) -> None:
        """Raises Unavailable unless libvirt answers."""
        with failures("probe"):
            self._connect().getInfo()

    def capabilities(self) -> Capabilities:
        """From the connection."""
        with failures("capabilities"):
            connection = self._connect()
            release, part = divmod(connection.getVersion(), 1_000_000)
            version = f"{release}.{part // 1000}.{part % 1000}"
            hypervisor = connection.getType()
            largest = connection.getMaxVcpus(self._kind)
            return Capabilities(hypervisor, version, largest, hypervisor == "TEST", self.abilities)

    def guests(self) -> tuple[Guest, ...]:
        """All domains that carry our mark."""
        with failures("list"):
            found = (self._seen(domain) for domain in self._connect().listAllDomains())
            return tuple(guest for guest in found if guest is not None)

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        """Define the domain under a fresh start token, then start it; a paused one is resumed."""
        self._check_size(spec)
        with failures(f"ensure {contract}"):
            domain = self._domain(contract)
            if domain is None or not domain.isActive():
                domain = self._define(self._mark_for(domain, contract, revision, spec))
                if run:
                    self._start(domain)
            elif run:
                self._complete(domain)
            return self._own(domain)

    def rescale(self, contract: str, revision: int, spec: GuestSpec) -> tuple[FieldAnswer, ...]:
        """First what runs, then the definition, so that a failure in between leaves it to be done again."""
        with failures(f"rescale {contract}"):
            domain = self._present(contract)
            mark = _mark(domain)
            active = bool(domain.isActive())
            now = _in_force(domain, mark.spec) if active else mark.spec
            room = Room(domain.maxVcpus(), domain.maxMemory() // KIB_PER_MIB) if active else None
            given = answers(now, spec, self.capabilities(), room)
            newer = replace(mark, revision=revision, spec=granted(now, spec, given))
            if active:
                self._apply(domain, newer.spec, {answer.field for answer in given if answer.outcome == "live"})
            self._define(newer)
            if active:
                _set_mark(domain, newer)
            return given

    def pause(self, contract: str) -> None:
        """Suspend."""
        with failures(f"pause {contract}"):
            domain = self._running(contract)
            if domain.state()[0] != PAUSED:
                domain.suspend()

    def resume(self, contract: str) -> None:
        """Resume."""
        with failures(f"resume {contract}"):
            self._complete(self._running(contract))

    def shutdown(self, contract: str) -> None:
        """By ACPI, where there is one."""
        with failures(f"shutdown {contract}"):
            self._running(contract).shutdown()

    def restart(self, contract: str, revision: int, spec: GuestSpec) -> Guest:
        """Destroy, define, start."""
        self._check_size(spec)
        self.stop(contract)
        return self.ensure(contract, revision, spec, run=True)

    def stop(self, contract: str) -> None:
        """Destroy the domain: off at once, still defined."""
        with failures(f"stop {contract}"):
            domain = self._domain(contract)
            if domain is not None and domain.isActive():
                domain.destroy()

    def remove(self, contract: str) -> None:
        """Undefine the domain."""
        with failures(f"remove {contract}"):
            domain = self._domain(contract)
            if domain is not None:
                domain.undefine()

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """CPU time and current memory, from libvirt's own accounting."""
        with failures("usage"):
            domains = {contract: self._domain(contract) for contract in contracts}
            return {contract: self._counters(domain) for contract, domain in domains.items() if domain is not None}

    def listen(self, notify: Callable[[], None]) -> None:
        """Lifecycle events of all domains, on this connection and on those that replace it."""
        self._connect.notify = notify

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connect.close()

    # What differs between hypervisors.

    def _define(self, mark: Mark) -> Any:
        return self._connect().defineXML(domain_xml(self._kind, mark))

    def _start(self, domain: Any) -> None:
        domain.create()

    def _complete(self, domain: Any) -> None:
        """Bring a domain that is active to where it runs."""
        if domain.state()[0] == PAUSED:
            domain.resume()

    def _apply(self, domain: Any, spec: GuestSpec, changed: set[str]) -> None:
        """Change what can be changed of a running guest."""
        if "vcpus" in changed:
            domain.setVcpusFlags(spec.vcpus, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        if "memory_mib" in changed:
            domain.setMemoryFlags(spec.memory_mib * KIB_PER_MIB, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _describe(self, mark: Mark, guest: Guest) -> Guest:
        """What else there is to see of a guest."""
        return guest

    def _counters(self, domain: Any) -> Counters:
        # Of the process: libvirt's other figures are of a cgroup, which may have had another guest before.
        _state, _memory_max_kib, memory_kib, _vcpus, cpu_ns = domain.info()
        return Counters(cpu_ns=cpu_ns, memory_kib=memory_kib)

    def _mark_for(self, domain: Any, contract: str, revision: int, spec: GuestSpec) -> Mark:
        """The mark of the next start; `domain` is the contract's, or None."""
        return Mark(contract, revision, secrets.token_hex(8), spec)

    # Domains.

    def _domain(self, contract: str) -> Any:
        try:
            return self._connect().lookupByUUIDString(domain_uuid(contract))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def _present(self, contract: str) -> Any:
        domain = self._domain(contract)
        if domain is None:
            raise NotFound("not_found", f"there is no guest of {contract}")
        return domain

    def _running(self, contract: str) -> Any:
        domain = self._present(contract)
        if not domain.isActive():
            raise Conflict("state_forbids", f"the guest of {contract} is off")
        return domain

    def _seen(self, domain: Any) -> Guest | None:
        try:
            mark = read_mark(domain.XMLDesc())
            if mark is None:
                return None
            state, reason = domain.state()
            number = domain.ID()
            instance = f"{mark.start}:{number}" if number >= 0 else ""  # also while it goes down, which is not off yet
            halted = state == libvirt.VIR_DOMAIN_SHUTDOWN or (state, reason) == _OFF_IN_ORDER
            guest = Guest(mark.contract, mark.revision, state in UP, instance, state == PAUSED, halted=halted)
            return self._describe(mark, guest)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None  # it went away after it was listed
            raise

    def _own(self, domain: Any) -> Guest:
        guest = self._seen(domain)
        if guest is None:
            raise Unavailable("hypervisor_failed", f"the domain {domain.name()} has lost its mark")
        return guest

    def _check_size(self, spec: GuestSpec) -> None:
        largest = self.capabilities().guest_vcpus_max
        if spec.vcpus > largest:
            raise Refused(
                "insufficient_capacity",
                f"the hypervisor runs guests of {largest} vCPUs at most",
                field="vcpus",
                limit=largest,
            )


def _mark(domain: Any) -> Mark:
    mark = read_mark(domain.XMLDesc())
    if mark is None:
        raise Unavailable("hypervisor_failed", f"the domain {domain.name()} has lost its mark")
    return mark


def _in_force(domain: Any, spec: GuestSpec) -> GuestSpec:
    """What a running guest has of what it is defined as: the rest waits for its next start."""
    vcpus = domain.vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE)
    return replace(spec, vcpus=vcpus, memory_mib=min(spec.memory_mib, domain.maxMemory() // KIB_PER_MIB))


def _set_mark(domain: Any, mark: Mark) -> None:
    domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, mark_xml(mark), PREFIX, NAMESPACE, libvirt.VIR_DOMAIN_AFFECT_LIVE
    )
