"""Providers' scores, made anew in every hour of market time."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, select

from common.clock import MarketClock
from common.price import MINUTES_PER_HOUR
from market.participants.reliability import score_providers
from market.worker.turns import take_turns_in_thread
from runtime.database import transaction

_LOOK_SECONDS = 5.0
_TURN = 0x73636F7265  # "score": whoever holds this advisory lock makes them


class Reliability:
    """Makes the scores once an hour, one worker at a time; several workers only find nothing to change."""

    def __init__(self, database: Engine, clock: MarketClock) -> None:
        self.database = database
        self.clock = clock
        self._hour: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns_in_thread(self.score_once, _LOOK_SECONDS, "scoring the providers")

    def score_once(self) -> int:
        """How many scores have changed; none in an hour for which they are made."""
        minute = self.clock.minute()
        hour = minute // MINUTES_PER_HOUR
        if hour == self._hour:
            return 0
        changed = transaction(self.database, lambda connection: _score(connection, minute))
        self._hour = hour
        return changed


def _score(connection: Connection, minute: int) -> int:
    if not connection.execute(select(func.pg_try_advisory_xact_lock(_TURN))).scalar_one():
        return 0
    return score_providers(connection, minute)
