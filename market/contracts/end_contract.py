"""Contracts that end early, for those who ask for it and for the worker: by way of the engine, which frees capacity."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from billing import contracts as billing_contracts
from billing.endings import Outcome
from market.engine.client import EngineClient, error_of
from market.engine.commands import EndContract
from market.tables import contract


@dataclass(frozen=True, slots=True)
class Failing:
    """A contract whose guest has failed, and whose money and capacity are still bound."""

    contract: str
    shard: str


async def end_contract(engine: EngineClient, shard: str, command: EndContract) -> Outcome:
    """What became of the money. Raises NotFound, Refused, Conflict, as `market.engine.endings` does, and Unavailable:
    then the outcome is unknown, and asking again tells it."""
    [answer] = await engine.submit(shard, [command])
    if answer.problem is not None:
        raise error_of(answer.problem)
    assert answer.ended is not None
    return Outcome(**answer.ended)


def failing_contracts(connection: Connection, limit: int) -> list[Failing]:
    """Up to `limit` contracts that wait for the engine to end them."""
    ids = billing_contracts.failing(connection, limit)
    alone = contract.c.grows.is_(None)  # the others end with the contract whose guest they share
    rows = connection.execute(select(contract.c.id, contract.c.shard).where(contract.c.id.in_(ids), alone))
    return sorted((Failing(row.id, row.shard) for row in rows), key=lambda failing: failing.contract)
