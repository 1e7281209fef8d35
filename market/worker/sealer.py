"""The ledger's hash chain grows behind the postings, so that no posting waits for it."""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from billing import seals
from billing.seals import Horizon
from common.clock import MarketClock
from market.worker.turns import take_turns_in_thread
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_SEAL_SECONDS = 1.0


class Sealer:
    """Seals what was posted by the turn before, once nothing of that moment is still under way."""

    def __init__(self, database: Engine, clock: MarketClock) -> None:
        self.database = database
        self.clock = clock
        self._horizon: Horizon | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns_in_thread(self.seal_once, _SEAL_SECONDS, "sealing the ledger")

    def seal_once(self) -> int:
        """How many transfers were sealed."""
        until, sealed = self._horizon, 0
        if until is None or transaction(self.database, lambda connection: seals.is_decided(connection, until)):
            if until is not None:
                sealed = self._seal(until)
            self._horizon = transaction(self.database, seals.horizon)
        return sealed

    def _seal(self, until: Horizon) -> int:
        sealed = 0
        while True:
            made = transaction(self.database, lambda connection: seals.seal(connection, until, self.clock.now_micros()))
            if made is None:
                return sealed
            log.info("seal %d over %d transfers: %s", made.sequence, made.transfers, made.sha256)
            sealed += made.transfers
