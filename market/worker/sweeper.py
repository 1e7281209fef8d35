"""What has expired is forgotten, a little at a time: Idempotency-Keys with their answers."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Engine

from market.participants.idempotency import sweep
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 30.0


class Sweeper:
    """Sweeps for ever."""

    def __init__(self, database: Engine) -> None:
        self.database = database

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.sweep_once)
            except Exception:
                log.exception("forgetting what has expired failed and will be tried again")
            await asyncio.sleep(_LOOK_SECONDS)

    def sweep_once(self) -> int:
        """How many keys were forgotten."""
        total = 0
        while swept := transaction(self.database, sweep):
            total += swept
        return total
