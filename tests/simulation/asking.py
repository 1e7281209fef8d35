"""Asking a whole market again, at the end of a simulation."""

from __future__ import annotations

import asyncio

from common.errors import Unavailable
from market.engine.client import RemoteEngine
from market.engine.commands import Answer
from tests.market.factories import ZONE
from tests.simulation.notebook import Placed
from tests.simulation.processes import SETTINGS


async def asked_again(engine: RemoteEngine, placements: list[Placed]) -> list[Answer]:
    """The answers; an engine that has just ended comes back by itself, within a lease."""
    until = asyncio.get_running_loop().time() + 2 * SETTINGS.lease_seconds
    while True:
        try:
            return await engine.submit(ZONE, placements)
        except Unavailable:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.5)
