"""Guests that failed: their contracts' money and capacity are given free by the engine, as soon as one answers.

A guest's status (`market.contracts.follow_guest`) stops the metering at once; what follows here may come later.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection, Engine

from common import fault_points
from common.errors import NestexError
from market.contracts.end_contract import Failing, end_contract, failing_contracts
from market.engine.client import EngineClient
from market.engine.commands import EndContract
from market.worker.turns import take_turns
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 0.5
_CHUNK = 100


class Failures:
    """An endless loop of the worker. Each turn is idempotent: a contract ends once."""

    def __init__(self, database: Engine, engine: EngineClient) -> None:
        self.database = database
        self.engine = engine

    async def run(self) -> None:
        """Until it is cancelled."""
        await take_turns(self.end_all, _LOOK_SECONDS, "ending failed contracts")

    async def end_all(self) -> None:
        """End every contract whose guest has failed; what the engine refuses stays for completion to close."""
        for failing in await asyncio.to_thread(transaction, self.database, _waiting):
            fault_points.reach("failure.found")
            try:
                await end_contract(self.engine, failing.shard, EndContract(failing.contract, "fail"))
                fault_points.reach("failure.ended")
            except NestexError as error:
                log.info("contract %s has failed and is not ended yet: %s", failing.contract, error)


def _waiting(connection: Connection) -> list[Failing]:
    return failing_contracts(connection, _CHUNK)
