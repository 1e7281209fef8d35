"""A node's hypervisor, and what it really did: the truth that usage and windows are held against."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import Refused, Unavailable
from common.wire import GuestSpec
from provisioner.hypervisor.fake import FakeDriver
from provisioner.hypervisor.port import Guest


@dataclass
class Run:
    """A guest was up from `from_ms` to `to_ms`, market time; None while it is."""

    contract: str
    from_ms: int
    to_ms: int | None = None


class WatchedDriver(FakeDriver):
    """Guests that start late, cannot start, or fail on demand: those are `broken`. `now_ms` is market time."""

    def __init__(self, rng: random.Random, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.runs: list[Run] = []
        self.broken: set[str] = set()
        self.failing_until_ms = 0
        self._rng = rng
        self._now_ms = now_ms
        self._late_until_ms: dict[str, int] = {}

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        if run:
            self._start(contract)
        guest = super().ensure(contract, revision, spec, run=run)
        self._watch()
        return guest

    def stop(self, contract: str) -> None:
        super().stop(contract)
        self._watch()

    def remove(self, contract: str) -> None:
        super().remove(contract)
        self._watch()

    def crash(self, contract: str) -> None:
        self.broken.add(contract)
        super().crash(contract)
        self._watch()

    def vanish(self, contract: str) -> None:
        """The guest goes down from within, and no event tells it."""
        self.broken.add(contract)
        self.domains[contract].run = 0
        self._watch()

    def fail_for_ms(self, span_ms: int) -> None:
        """Half of the calls fail for so long, market time."""
        self.failing_until_ms = self._now_ms() + span_ms

    def up(self) -> list[str]:
        """The contracts whose guests are up."""
        return [contract for contract, domain in self.domains.items() if domain.run]

    def _start(self, contract: str) -> None:
        if contract not in self._late_until_ms:
            fate = self._rng.random()
            if fate < 0.05:
                self._late_until_ms[contract] = 2**62
            else:
                self._late_until_ms[contract] = self._now_ms() + (self._rng.randrange(240_000) if fate < 0.15 else 0)
        late_until = self._late_until_ms[contract]
        if late_until == 2**62:
            raise Refused("hypervisor_failed", "the image does not boot here")
        if self._now_ms() < late_until:
            raise Unavailable("hypervisor_failed", "not yet")

    def _fail(self, method: str) -> None:
        super()._fail(method)
        if self._now_ms() < self.failing_until_ms and self._rng.random() < 0.5:
            raise Unavailable("hypervisor_failed", f"{method} failed")

    def _watch(self) -> None:
        up, known = set(self.up()), {run.contract: run for run in self.runs if run.to_ms is None}
        self.runs += [Run(contract, self._now_ms()) for contract in sorted(up - known.keys())]
        for contract in known.keys() - up:
            known[contract].to_ms = self._now_ms()
