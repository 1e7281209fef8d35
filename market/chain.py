"""Contracts that were resold: each is the rest of the one before it, out of the same node's slices, until the same end.

What happens to a guest happens to the whole chain, so its rows are locked together: first billing's, then the market's,
each in id order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, select, text

from billing import contracts as billing_contracts
from market.tables import contract
from runtime.arrays import among

_MEMBERS = text("""
    WITH RECURSIVE chain AS (
        SELECT id, resold_from, resold_to FROM contract WHERE id = :contract
        UNION
        SELECT next.id, next.resold_from, next.resold_to FROM chain JOIN contract AS next
            ON next.id = chain.resold_to OR (next.id = chain.resold_from AND next.resold_to = chain.id)
    )
    SELECT id, resold_to FROM chain
""")


def members(connection: Connection, contract_id: str) -> list[str]:
    """The contracts of the chain that the contract is in, from the first one, which the node's provider sold, to the
    last one, whose guest is there now, or will be; it alone, where it was not resold."""
    following = {row.id: row.resold_to for row in connection.execute(_MEMBERS, {"contract": contract_id})}
    found: list[str] = []
    each = next(iter(following.keys() - set(following.values())), None)
    while each is not None:
        found.append(each)
        each = following.get(each)
    return found


def hold(connection: Connection, contract_id: str) -> list[str]:
    """The same, with billing's rows locked until the transaction ends, so that the chain stays what it is."""
    held: set[str] = set()
    while True:
        found = members(connection, contract_id)
        if held.issuperset(found):
            return found
        for each in sorted(set(found) - held):
            billing_contracts.hold(connection, each)
        held.update(found)


def others(connection: Connection, row: Mapping[Any, Any]) -> list[RowMapping]:
    """The rows of the other contracts in the chain of this one, locked in id order. The chain must be held."""
    if row["resold_from"] is None and row["resold_to"] is None:
        return []
    named = [each for each in members(connection, row["id"]) if each != row["id"]]
    query = select(contract).where(among(contract.c.id, named)).order_by(contract.c.id)
    return list(connection.execute(query.with_for_update()).mappings())


def begun_minute(row: Mapping[Any, Any]) -> int:
    """The first minute of the contract's own guest, the newest of them where there were several."""
    begun: int = row["resumed_minute"] or row["start_minute"]
    return begun
