"""Contracts as their two parties see them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, or_, select

from common.errors import NotFound
from market.tables import contract


def list_contracts(
    connection: Connection, participant: str, after: str, limit: int, *, state: str | None, kind: str | None = None
) -> list[RowMapping]:
    """Up to `limit` contracts that the participant bought or sold, with ids above `after`, oldest first."""
    party = or_(contract.c.buyer_id == participant, contract.c.provider_id == participant)
    query = select(contract).where(party, contract.c.id > after)
    if state is not None:
        query = query.where(contract.c.state == state)
    if kind is not None:
        query = query.where(contract.c.kind == kind)
    return list(connection.execute(query.order_by(contract.c.id).limit(limit)).mappings())


def contracts_of(connection: Connection, participant: str, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Those of the contracts that the participant bought or sold, by id."""
    party = or_(contract.c.buyer_id == participant, contract.c.provider_id == participant)
    rows = connection.execute(select(contract).where(party, contract.c.id.in_(ids))).mappings()
    return {row["id"]: row for row in rows}


def get_contract(connection: Connection, participant: str | None, contract_id: str) -> RowMapping:
    """A contract that the participant bought or sold; None: anybody's. Raises NotFound."""
    query = select(contract).where(contract.c.id == contract_id)
    if participant is not None:
        query = query.where(or_(contract.c.buyer_id == participant, contract.c.provider_id == participant))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("not_found", f"you have no contract {contract_id}", field="contract")
    return row
