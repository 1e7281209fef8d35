"""Orders and trades as the tables hold them."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select, tuple_

from common.errors import NotFound
from market.tables import orders, trade

CLIENT_PREFIX = "client:"
"""In place of an order's id: `client:` and the client_order_id that it was placed with."""


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


def list_orders(
    connection: Connection, participant: str, after: str, limit: int, *, state: str | None
) -> list[RowMapping]:
    """Up to `limit` orders with ids above `after`, oldest first."""
    query = select(orders).where(orders.c.participant_id == participant, orders.c.id > after)
    if state is not None:
        query = query.where(orders.c.state == state)
    return list(connection.execute(query.order_by(orders.c.id).limit(limit)).mappings())


def list_trades(connection: Connection, instrument: str, after: tuple[int, int], limit: int) -> list[RowMapping]:
    """Up to `limit` trades of an instrument behind (sequence, ordinal), in execution order."""
    query = (
        select(trade)
        .where(trade.c.instrument == instrument, tuple_(trade.c.sequence, trade.c.ordinal) > after)
        .order_by(trade.c.sequence, trade.c.ordinal)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())
