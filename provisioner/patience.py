"""How long a guest that was asked to power itself off may take for it, in real time, before it is taken down."""

from __future__ import annotations

from collections.abc import Iterable

from common.clock import RealClock
from provisioner.guest import GuestRecord

ORDERLY_SECONDS = 30.0


class Patience:
    """Since when guests go down. Counted anew by an agent that was restarted."""

    def __init__(self, real: RealClock) -> None:
        self._real = real
        self._until: dict[str, float] = {}

    def overdue(self, records: Iterable[GuestRecord]) -> frozenset[str]:
        """Contracts whose guests have had time enough."""
        now = self._real.monotonic()
        going = [record.contract for record in records if record.state in ("stopping", "restarting")]
        self._until = {contract: self._until.get(contract, now + ORDERLY_SECONDS) for contract in going}
        return frozenset(contract for contract, until in self._until.items() if until <= now)

    @property
    def is_tried(self) -> bool:
        """Whether a guest goes down."""
        return bool(self._until)
