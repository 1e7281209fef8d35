"""Resellers' turns: in every market minute, each node that sells by itself is brought in step with what is free."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection, Engine, func, select

from common import fault_points
from common.clock import MarketClock
from common.errors import NestexError
from market.engine.client import EngineClient
from market.engine.commands import Answer
from market.reseller.turn import Turn, begin_turns, due, end_turn
from market.worker.turns import take_turns
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 0.5
_CHUNK = 100
_TURN = 0x726573656C6C  # "resell": whoever holds this advisory lock takes the turns


class Resellers:
    """Takes the turns of all nodes, one worker at a time. Without the lock nothing would go wrong, only more often."""

    def __init__(self, database: Engine, clock: MarketClock, engine: EngineClient) -> None:
        self.database = database
        self.clock = clock
        self.engine = engine

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns(self.turn_once, self._pause_seconds, "the resellers' turn")

    def _pause_seconds(self) -> float:
        """Until the next market minute, which on a fast clock begins before it is time to look again."""
        return min(_LOOK_SECONDS, self.clock.real_seconds_until(self.clock.minute() + 1))

    async def turn_once(self) -> int:
        """Everything that is due now; how many nodes asked the engine for something. None while another worker does."""
        turn = await asyncio.to_thread(self._take_lock)
        if turn is None:
            return 0
        try:
            return await self._all_due()
        finally:
            await asyncio.to_thread(_give_back, turn)

    async def _all_due(self) -> int:
        after, asked = "", 0
        while True:
            minute = self.clock.minute()
            nodes = await asyncio.to_thread(self._due, minute, after)
            if not nodes:
                return asked
            turns = await asyncio.to_thread(begin_turns, self.database, nodes, minute)
            ended = await asyncio.gather(*(self._carry_out(turn) for turn in turns), return_exceptions=True)
            for turn, fault in zip(turns, ended, strict=True):
                if fault is not None:
                    log.error("the turn of the reseller of %s is asked for again", turn.node, exc_info=fault)
            after, asked = nodes[-1], asked + len(turns)

    def _due(self, minute: int, after: str) -> list[str]:
        return transaction(self.database, lambda connection: due(connection, minute, after, _CHUNK))

    async def _carry_out(self, turn: Turn) -> None:
        fault_points.reach("reseller.noted")
        try:
            answers = await self.engine.submit(turn.shard, turn.commands)
        except NestexError as error:
            log.warning("the reseller of %s does not know what became of its turn and will ask: %s", turn.node, error)
            return
        fault_points.reach("reseller.answered")
        await asyncio.to_thread(transaction, self.database, lambda connection: self._end(connection, turn, answers))

    def _end(self, connection: Connection, turn: Turn, answers: list[Answer]) -> None:
        end_turn(connection, turn, answers, self.clock.minute())

    def _take_lock(self) -> Connection | None:
        connection = self.database.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(select(func.pg_try_advisory_lock(_TURN))).scalar_one():
            return connection
        connection.close()
        return None


def _give_back(turn: Connection) -> None:
    with turn:
        turn.execute(select(func.pg_advisory_unlock(_TURN)))
