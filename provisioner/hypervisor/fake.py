"""A hypervisor in memory that fails on demand: for fault injection and simulation. It runs nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from common.errors import NestexError
from common.wire import GuestSpec
from provisioner.hypervisor.port import Capabilities, Counters, Guest


@dataclass
class FakeDomain:
    """A domain. `run` is 0 while it is off, otherwise the number of its start."""

    revision: int
    spec: GuestSpec | None
    run: int = 0


class FakeDriver:
    """Domains by contract, foreign ones by name. An error put into `failures[method]` is raised by its next call."""

    def __init__(self) -> None:
        self.domains: dict[str, FakeDomain] = {}
        self.foreign: dict[str, bool] = {}
        self.failures: dict[str, list[NestexError]] = defaultdict(list)
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
        """Those of nothing in particular."""
        return Capabilities("fake", "1.0.0", 1024)

    def guests(self) -> tuple[Guest, ...]:
        """Our domains; foreign ones are not shown."""
        self._fail("guests")
        return tuple(self._guest(contract) for contract in self.domains)

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        """Define and start in memory."""
        self._fail("ensure")
        domain = self.domains.get(contract)
        if domain is None or not domain.run:
            domain = self.domains[contract] = FakeDomain(revision, spec)
        if run and not domain.run:
            self.starts += 1
            domain.run = self.starts
            self._notify()
        return self._guest(contract)

    def stop(self, contract: str) -> None:
        """Off."""
        self._fail("stop")
        if contract in self.domains:
            self.domains[contract].run = 0

    def remove(self, contract: str) -> None:
        """Forgotten."""
        self._fail("remove")
        self.domains.pop(contract, None)

    def usage(self, contracts: Iterable[str]) -> Mapping[str, Counters]:
        """Zeros."""
        self._fail("usage")
        return {contract: Counters() for contract in contracts if contract in self.domains}

    def listen(self, notify: Callable[[], None]) -> None:
        """Starts and crashes notify."""
        self._notify = notify

    def close(self) -> None:
        """Nothing is held."""

    def _guest(self, contract: str) -> Guest:
        domain = self.domains[contract]
        up = domain.run > 0
        return Guest(contract, domain.revision, up, f"fake:{domain.run}" if up else "")

    def _fail(self, method: str) -> None:
        if self.failures[method]:
            raise self.failures[method].pop(0)
