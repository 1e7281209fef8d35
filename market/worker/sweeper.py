"""What has expired is forgotten, a little at a time: Idempotency-Keys with their answers."""

from __future__ import annotations

from sqlalchemy import Engine

from market.participants.idempotency import sweep
from market.worker.turns import take_turns_in_thread
from runtime.database import transaction

_LOOK_SECONDS = 30.0


class Sweeper:
    """Sweeps for ever."""

    def __init__(self, database: Engine) -> None:
        self.database = database

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns_in_thread(self.sweep_once, _LOOK_SECONDS, "forgetting what has expired")

    def sweep_once(self) -> int:
        """How many keys were forgotten."""
        total = 0
        while swept := transaction(self.database, sweep):
            total += swept
        return total
