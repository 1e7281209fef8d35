"""Draining a node: nothing more of it is sold, and what is sold runs to its end. The engine admits no ask on it from
then on; those on the books are canceled here, and by the worker, should that fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, RowMapping

from common.errors import NestexError
from market.engine.client import EngineClient
from market.engine.commands import CancelOrder
from market.nodes.liveness import OpenAsk, asks_to_withdraw
from market.nodes.register_node import get_node
from market.tables import node
from runtime.database import transaction

log = logging.getLogger("nestex.nodes")


def set_draining(connection: Connection, owner: str, node_id: str, draining: bool) -> RowMapping:
    """The node's row after the change; the same again is no error. Raises NotFound."""
    get_node(connection, owner, node_id)
    connection.execute(node.update().where(node.c.id == node_id).values(draining=draining))
    return get_node(connection, owner, node_id)


async def withdraw_asks_of(database: Engine, engine: EngineClient, node_id: str) -> None:
    """Cancel the asks on a node that is being drained. An engine that does not answer is asked again by the worker."""
    asks = await asyncio.to_thread(transaction, database, lambda connection: asks_to_withdraw(connection, node_id))
    await withdraw(engine, asks)


async def withdraw(engine: EngineClient, asks: Sequence[OpenAsk]) -> None:
    """Cancel these asks; one that cannot be canceled now stays."""
    for ask in asks:
        try:
            await engine.submit(ask.shard, [CancelOrder(ask.order, ask.participant, ask.reason)])
        except NestexError as error:
            log.warning("ask %s stays for now (%s): %s", ask.order, ask.reason, error)
