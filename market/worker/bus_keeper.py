"""The streams and consumers of the bus are there: what a server has lost is made anew, and nobody has to come.

What was in them is told again by those who know it: the relay by heartbeats that lack something, agents out of their
spools.
"""

from __future__ import annotations

import asyncio
import logging

import nats.errors
from nats.js.client import JetStreamContext
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from market.nodes.liveness import enrolled_nodes
from runtime import bus
from runtime.database import transaction

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 5.0


class BusKeeper:
    """Looks after the bus in real time. Several at once do no harm: whatever is there already is left alone."""

    def __init__(self, database: Engine, jetstream: JetStreamContext, generation: int) -> None:
        self.database = database
        self.jetstream = jetstream
        self.generation = generation

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look_once()
            except (nats.errors.Error, TimeoutError, DBAPIError) as error:
                log.info("the bus is not looked after for now: %r", error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look_once(self) -> list[str]:
        """Make what is missing; the names."""
        nodes = await asyncio.to_thread(transaction, self.database, enrolled_nodes)
        made = await bus.mend(self.jetstream, nodes, self.generation)
        if made:
            log.warning("the bus had lost %s: made anew", ", ".join(made))
        return made
