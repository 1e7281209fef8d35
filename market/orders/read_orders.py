"""Orders and trades as the tables hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, tuple_

from common.errors import NotFound
from market.tables import orders, trade

CLIENT_PREFIX = "client:"
"""In place of an order's id: `client:` and the client_order_id that it was placed with."""


OPEN_STATES = ("new", "partially_filled")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders; None leaves the choice open."""

    state: str | None = None
    instrument: str | None = None
    side: str | None = None
    is_open: bool | None = None
    exclusive_group: str | None = None


def find_order(connection: Connection, participant: str, reference: str) -> RowMapping:
    """The participant's order with this id, or with this `client:` id. Raises NotFound."""
    query = select(orders).where(orders.c.participant_id == participant)
    if reference.startswith(CLIENT_PREFIX):
        query = query.where(orders.c.client_order_id == reference.removeprefix(CLIENT_PREFIX))
    else:
        query = query.where(orders.c.id == reference)
    row = connection.execute(query.order_by(orders.c.id).limit(1)).mappings().one_or_none()
    if row is None:
        raise NotFound("not_found", f"you have no order {reference}", field="order")
    return row


def orders_of(connection: Connection, participant: str, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Those of the orders that are the participant's, by id."""
    query = select(orders).where(orders.c.participant_id == participant, orders.c.id.in_(ids))
    return {row["id"]: row for row in connection.execute(query).mappings()}


def list_orders(connection: Connection, participant: str, after: str, limit: int, wanted: Filter) -> list[RowMapping]:
    """Up to `limit` orders with ids above `after`, oldest first."""
    query = _filtered(select(orders), participant, wanted).where(orders.c.id > after)
    return list(connection.execute(query.order_by(orders.c.id).limit(limit)).mappings())


def shards_with_orders(connection: Connection, participant: str, wanted: Filter) -> list[str]:
    """The zones in which the participant has such orders."""
    query = _filtered(select(orders.c.shard).distinct(), participant, wanted)
    return list(connection.execute(query.order_by(orders.c.shard)).scalars())


def list_trades(connection: Connection, instrument: str, after: tuple[int, int], limit: int) -> list[RowMapping]:
    """Up to `limit` trades of an instrument behind (sequence, ordinal), in execution order."""
    query = (
        select(trade)
        .where(trade.c.instrument == instrument, tuple_(trade.c.sequence, trade.c.ordinal) > after)
        .order_by(trade.c.sequence, trade.c.ordinal)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def _filtered(query: Select[Any], participant: str, wanted: Filter) -> Select[Any]:
    query = query.where(orders.c.participant_id == participant)
    for column in ("state", "instrument", "side", "exclusive_group"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(orders.c[column] == value)
    if wanted.is_open is not None:
        is_open = orders.c.state.in_(OPEN_STATES)
        query = query.where(is_open if wanted.is_open else ~is_open)
    return query
