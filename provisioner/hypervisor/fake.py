"""A hypervisor in memory that fails on demand: for fault injection and simulation. It runs nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from common.errors import Conflict, NestexError, NotFound, Refused
from common.wire import FieldAnswer, GuestSpec
from provisioner.hypervisor.fake_devices import FakeDevices
from provisioner.hypervisor.port import Capabilities, Counters, Guest
from provisioner.hypervisor.rescaling import Room, answers, granted

VCPUS_MAX = 1024


@dataclass
class FakeDomain:
    """A domain. `run` is 0 while it is off, otherwise the number of its start; `started` is what it was started as."""

    revision: int
    spec: GuestSpec
    run: int = 0
    started: GuestSpec | None = None
    paused: bool = False
    halted: bool = False


class FakeDriver(FakeDevices):
    """Domains by contract, foreign ones by name. An error put into `failures[method]` is raised by its next call.

    Guests whose contracts are put into `silent` do not say that they are ready, those in `deaf` do not power themselves
    off when they are `asked` to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.domains: dict[str, FakeDomain] = {}
        self.foreign: dict[str, bool] = {}
        self.failures: dict[str, list[NestexError]] = defaultdict(list)
        self.silent: set[str] = set()
        self.deaf: set[str] = set()
        self.asked = 0
        self.reverts: list[str] = []
        self.starts = 0
        self._notify: Callable[[], None] = lambda: None

    def crash(self, contract: str) -> None:
        """The guest goes down by itself, and an event tells it."""
        self.domains[contract].run = 0
        self._notify()

    def probe(self) -> None:
        """Raises what was put into `failures`."""
        self._fail("probe")

    def capabilities(self) -> Capabilities:
        """All that there is."""
        return Capabilities("fake", "1.0.0", VCPUS_MAX)

    def guests(self) -> tuple[Guest, ...]:
        """Our domains; foreign ones are not shown."""
        self._fail("guests")
        return tuple(self._guest(contract) for contract in self.domains)

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        """Define and start in memory."""
        self._fail("ensure")
        _check_size(spec)
        domain = self.domains.get(contract)
        if domain is None or not domain.run:
            domain = self.domains[contract] = FakeDomain(revision, spec, halted=domain is not None and domain.halted)
        if run and not domain.run:
            self.starts += 1
            domain.run, domain.started, domain.halted = self.starts, spec, False
            self._notify()
        if run:
            domain.paused = False
        return self._guest(contract)

    def rescale(self, contract: str, revision: int, spec: GuestSpec) -> tuple[FieldAnswer, ...]:
        """As the rule says; a running guest may double."""
        self._fail("rescale")
        domain = self._present(contract)
        now, room = domain.spec, None
        if domain.run and domain.started is not None:
            room = Room(2 * domain.started.vcpus, domain.started.memory_mib)
            now = replace(now, vcpus=domain.started.vcpus, memory_mib=min(now.memory_mib, room.memory_mib))
        given = answers(now, spec, self.capabilities(), room)
        domain.revision, domain.spec = revision, granted(now, spec, given)
        if domain.started is not None and any(answer.field == "vcpus" and answer.outcome == "live" for answer in given):
            domain.started = replace(domain.started, vcpus=spec.vcpus)
        return given

    def pause(self, contract: str) -> None:
        """Stand still."""
        self._fail("pause")
        self._running(contract).paused = True

    def resume(self, contract: str) -> None:
        """Go on."""
        self._fail("resume")
        self._running(contract).paused = False

    def shutdown(self, contract: str) -> None:
        """The guest obeys at once, or never."""
        self._fail("shutdown")
        domain = self._running(contract)
        self.asked += 1
        if contract not in self.deaf:
            domain.run, domain.halted = 0, True
            self._notify()

    def restart(self, contract: str, revision: int, spec: GuestSpec) -> Guest:
        """Off and on."""
        self._fail("restart")
        _check_size(spec)
        self.stop(contract)
        return self.ensure(contract, revision, spec, run=True)

    def stop(self, contract: str) -> None:
        """Off."""
        self._fail("stop")
        if contract in self.domains:
            domain = self.domains[contract]
            domain.halted = domain.halted and not domain.run
            domain.run, domain.paused = 0, False

    def remove(self, contract: str) -> None:
        """Forgotten."""
        self._fail("remove")
        self.domains.pop(contract, None)
        self.forget_devices(contract)

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """No more than the memory: nothing runs."""
        self._fail("usage")
        found = {contract: self.domains.get(contract) for contract in contracts}
        return {
            contract: Counters(memory_kib=domain.spec.memory_mib * 1024)
            for contract, domain in found.items()
            if domain is not None and domain.run
        }

    def revert(self, contract: str, name: str) -> None:
        """Off, if there is such a snapshot."""
        super().revert(contract, name)
        self.reverts.append(name)
        self.stop(contract)

    def listen(self, notify: Callable[[], None]) -> None:
        """Starts and crashes notify."""
        self._notify = notify

    def close(self) -> None:
        """Nothing is held."""

    def _present(self, contract: str) -> FakeDomain:
        if contract not in self.domains:
            raise NotFound("not_found", f"there is no guest of {contract}")
        return self.domains[contract]

    def _require(self, contract: str) -> None:
        self._present(contract)

    def _running(self, contract: str) -> FakeDomain:
        domain = self._present(contract)
        if not domain.run:
            raise Conflict("state_forbids", f"the guest of {contract} is off")
        return domain

    def _guest(self, contract: str) -> Guest:
        domain = self.domains[contract]
        if not domain.run:
            return Guest(contract, domain.revision, False, halted=domain.halted)
        up = not domain.paused
        booting = up and contract in self.silent
        return Guest(contract, domain.revision, up, f"fake:{domain.run}", domain.paused, booting)

    def _fail(self, method: str) -> None:
        if self.failures[method]:
            raise self.failures[method].pop(0)


def _check_size(spec: GuestSpec) -> None:
    if spec.vcpus > VCPUS_MAX:
        raise Refused("insufficient_capacity", f"guests have {VCPUS_MAX} vCPUs at most", field="vcpus", limit=VCPUS_MAX)
