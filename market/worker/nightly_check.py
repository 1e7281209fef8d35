"""The books check of each night: once per UTC day of market time, by whichever worker comes first."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, Engine, func, insert, select

from billing.tables import books_check
from common.clock import MarketClock
from market.books_check import counts, differences
from market.worker.turns import take_turns_in_thread

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 60.0
_TURN = 0x626F6F6B73  # "books": whoever holds this advisory lock checks them


class NightlyCheck:
    """Checks the books once a day, and keeps what it found."""

    def __init__(self, database: Engine, clock: MarketClock) -> None:
        self.database = database
        self.clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns_in_thread(self.check_once, _LOOK_SECONDS, "the check of the books")

    def check_once(self) -> bool:
        """Check, unless this day has been checked or another worker is at it; whether it was done."""
        # Not in a transaction: the check may take longer than one may sit idle.
        with self.database.connect().execution_options(isolation_level="AUTOCOMMIT") as turn:
            if not turn.execute(select(func.pg_try_advisory_lock(_TURN))).scalar_one():
                return False
            try:
                return self._check(turn)
            finally:
                turn.execute(select(func.pg_advisory_unlock(_TURN)))

    def _check(self, turn: Connection) -> bool:
        at_micros, day = self.clock.now_micros(), self.clock.now().date()
        if turn.execute(select(books_check.c.day).where(books_check.c.day == day)).one_or_none() is not None:
            return False
        found = differences(self.database)
        for difference in found:
            log.error("the books are wrong: %s", difference)
        row = {
            "day": day,
            "at_micros": at_micros,
            "differences": counts(found),
            "first_difference": str(found[0]) if found else None,
        }
        turn.execute(insert(books_check).values(row))
        log.info("the books of %s are checked: %d differences", day, len(found))
        return True
