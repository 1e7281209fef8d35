"""What traders do besides asking the engine: look at what they hold, command guests, let nodes sell by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, select

from common.clock import MarketClock
from market.reseller.keep import OFF, ON, put_reseller, stop_reseller
from market.reseller.settings import ResellerSettings
from market.tables import node, reseller
from runtime.database import transaction
from tests.simulation import holdings
from tests.simulation.commanding import Deed
from tests.simulation.holdings import Holding, Rest


class Desk:
    """The use cases behind the routes, without HTTP."""

    def __init__(self, database: Engine, clock: MarketClock) -> None:
        self._database = database
        self._clock = clock

    def bought(self, participant: str) -> list[Holding]:
        """What a participant bought and has still."""
        return holdings.bought(self._database, participant)

    def reclaimable(self, participant: str) -> list[str]:
        """What a participant sold and may take back."""
        return holdings.reclaimable(self._database, participant)

    def rests(self, participant: str) -> list[Rest]:
        """What others offer of their contracts."""
        return holdings.rests(self._database, participant)

    async def command(self, deed: Deed) -> Mapping[Any, Any]:
        """Carry it out; the contract's row, once it is committed. Raises what the deed does."""

        def work(connection: Connection) -> Mapping[Any, Any]:
            return deed(connection, self._clock.now_micros())

        return await asyncio.to_thread(transaction, self._database, work)

    async def resell(self, owner: str, node_id: str, settings: ResellerSettings | None) -> None:
        """Let a node sell by itself, or without settings no more. Raises NotFound where it never did."""

        def work(connection: Connection) -> None:
            if settings is None:
                stop_reseller(connection, owner, node_id, self._clock.minute())
            else:
                put_reseller(connection, owner, node_id, settings, self._clock.minute(), enabled=True)

        await asyncio.to_thread(transaction, self._database, work)


def end_reselling(database: Engine, minute: int) -> None:
    """No node is to sell by itself any more."""
    owners = select(node.c.participant_id, node.c.id).join(reseller, reseller.c.node_id == node.c.id)
    with database.begin() as connection:
        for owner, node_id in connection.execute(owners.where(reseller.c.state == ON).order_by(node.c.id)).all():
            stop_reseller(connection, owner, node_id, minute)


def reselling(database: Engine) -> str | None:
    """A node that still sells by itself, or has told the engine something that has no answer yet."""
    query = select(reseller.c.node_id).where((reseller.c.state != OFF) | reseller.c.pending.is_not(None))
    with database.connect() as connection:
        return connection.execute(query.order_by(reseller.c.node_id)).scalars().first()
