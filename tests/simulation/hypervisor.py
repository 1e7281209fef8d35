"""A node's hypervisor, and what it really did: the truth that usage and windows are held against."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import Refused, Unavailable
from common.wire import Filesystem, GuestSpec
from provisioner.guest import GuestRecord
from provisioner.hypervisor.fake import FakeDriver
from provisioner.hypervisor.port import Guest


@dataclass
class Run:
    """A guest was up, or a volume was there, from `from_ms` to `to_ms`, market time; None while it is. Its agent knows
    it as delivered since `known_ms`; `instance` is the guest's, 0 for a volume."""

    contract: str
    instance: int
    from_ms: int
    to_ms: int | None = None
    known_ms: int | None = None


class WatchedDriver(FakeDriver):
    """Guests that start late, cannot start, or fail on demand: those are `broken`. `now_ms` is market time.

    `offs` are the times for which guests were down because their agent took them down or made them so, and did not try
    to start them; `has_failed` says that it was made to fail.
    """

    def __init__(self, rng: random.Random, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.runs: list[Run] = []
        self.offs: list[Run] = []
        self.broken: set[str] = set()
        self.failing_until_ms = 0
        self.has_failed = False
        self._rng = rng
        self._now_ms = now_ms
        self._late_until_ms: dict[str, int] = {}

    def ensure(self, contract: str, revision: int, spec: GuestSpec, *, run: bool) -> Guest:
        if run:
            self._end_off(contract)
            self._start(contract)
        guest = super().ensure(contract, revision, spec, run=run)
        self._watch()
        if not run and not guest.instance:
            self._begin_off(contract)
        return guest

    def stop(self, contract: str) -> None:
        super().stop(contract)
        self._watch()
        self._begin_off(contract)

    def shutdown(self, contract: str) -> None:
        super().shutdown(contract)
        self._watch()
        self._begin_off(contract)

    def remove(self, contract: str) -> None:
        super().remove(contract)
        self._end_off(contract)
        self._watch()

    def volume_create(self, volume: str, size_gib: int, filesystem: Filesystem = "") -> None:
        super().volume_create(volume, size_gib, filesystem)
        self._watch()

    def volume_remove(self, volume: str) -> None:
        super().volume_remove(volume)
        self._watch()

    def volume_withdraw(self, volume: str) -> None:
        super().volume_withdraw(volume)
        self._watch()

    def crash(self, contract: str) -> None:
        self.broken.add(contract)
        super().crash(contract)
        self._watch()

    def vanish(self, contract: str) -> None:
        """The guest goes down from within, or the volume out of its pool, and no event tells it."""
        self.broken.add(contract)
        if contract in self.volume:
            del self.volume[contract]
        else:
            self.domains[contract].run = 0
        self._watch()

    def fail_for_ms(self, span_ms: int) -> None:
        """Half of the calls fail for so long, market time."""
        self.has_failed = True
        self.failing_until_ms = self._now_ms() + span_ms

    def up(self) -> list[str]:
        """The contracts whose guests are up, or whose volumes are there."""
        guests = [contract for contract, domain in self.domains.items() if domain.run]
        return guests + [name for name in self.volume if "-" not in name]

    def note(self, record: GuestRecord) -> None:
        """The agent has written down what it knows of a contract."""
        last = next((run for run in reversed(self.runs) if run.contract == record.contract), None)
        if last is not None and last.to_ms is None and last.known_ms is None and record.state in ("ready", "paused"):
            is_it = record.is_volume or record.instance == f"fake:{last.instance}"
            last.known_ms = self._now_ms() if is_it else None
        off = self._open_off(record.contract)
        if record.rests and off is not None and off.known_ms is None:
            off.known_ms = self._now_ms()

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
        for contract in sorted(up - known.keys()):
            instance = self.domains[contract].run if contract in self.domains else 0
            self.runs.append(Run(contract, instance, self._now_ms()))
        for contract in known.keys() - up:
            known[contract].to_ms = self._now_ms()

    def _begin_off(self, contract: str) -> None:
        is_off = contract in self.domains and not self.domains[contract].run
        if is_off and self._open_off(contract) is None:
            self.offs.append(Run(contract, 0, self._now_ms()))

    def _end_off(self, contract: str) -> None:
        if (off := self._open_off(contract)) is not None:
            off.to_ms = self._now_ms()

    def _open_off(self, contract: str) -> Run | None:
        return next((off for off in self.offs if off.contract == contract and off.to_ms is None), None)
