"""Records that do not count, for inspection: of unknown contracts, wrong nodes, closed months, or in conflict."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, tuple_

from billing.tables import usage_refused


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """What a node said of a contract in a minute, and why it does not count."""

    node_id: str
    life: int
    sequence: int
    contract_id: str
    minute: int
    seconds: int
    epoch: int
    reason: str


Place = tuple[str, int, int, str, int, int, int]
START: Place = ("", 0, 0, "", 0, -(2**63), -(2**63))


def place_of(record: RefusedRecord) -> Place:
    """The cursor behind a record."""
    return record.node_id, record.life, record.sequence, record.contract_id, record.minute, record.seconds, record.epoch


def refused(
    connection: Connection, after: Place, limit: int, *, contract: str | None = None, reason: str | None = None
) -> list[RefusedRecord]:
    """Up to `limit` records behind the cursor, by node, life and number: of a contract, for a reason, or all."""
    columns = usage_refused.c
    place = (
        columns.node_id,
        columns.life,
        columns.sequence,
        columns.contract_id,
        columns.minute,
        columns.seconds,
        columns.epoch,
    )
    query = select(*place, columns.reason).where(tuple_(*place) > tuple_(*after)).order_by(*place).limit(limit)
    if contract is not None:
        query = query.where(columns.contract_id == contract)
    if reason is not None:
        query = query.where(columns.reason == reason)
    return [RefusedRecord(**row._mapping) for row in connection.execute(query)]
