"""Dead-man timers that have run out are carried out, by whichever worker comes first."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Engine

from common import fault_points
from common.errors import NestexError
from market.engine.client import EngineClient
from market.orders.cancel_timer import CancelTimer, carry_out, claim_due
from market.worker.turns import take_turns
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 0.25


class CancelTimers:
    """Looks for timers that are due, and cancels for them side by side."""

    def __init__(self, database: Engine, engine: EngineClient) -> None:
        self.database = database
        self.engine = engine

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns(self.look_once, _LOOK_SECONDS, "looking for dead-man timers")

    async def look_once(self) -> int:
        """How many timers were claimed. One that cannot be carried out is due again."""
        due = await asyncio.to_thread(transaction, self.database, claim_due)
        if due:
            fault_points.reach("timer.claimed")
        await asyncio.gather(*(self._carry_out(timer) for timer in due))
        return len(due)

    async def _carry_out(self, timer: CancelTimer) -> None:
        try:
            canceled = await carry_out(self.database, self.engine, timer)
        except NestexError as error:
            log.warning("the orders of %s stay for now, though its timer has run out: %s", timer.participant, error)
            return
        log.info("%s did not call in time: %d of its orders are canceled", timer.participant, canceled)
