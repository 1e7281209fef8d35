"""Orders that a batch can name: those that it has entered or changed itself, and those that were there before it.

What makes placing idempotent: the same `client_order_id` with the same content is the same order.
"""

from __future__ import annotations

from typing import Any

from common.errors import Conflict, NotFound
from market.engine.commands import Placement
from market.engine.digests import content_sha256
from market.engine.effects import Effects
from market.engine.facts import Facts


class KnownOrders:
    """Rows of orders as the batch leaves them, out of its `effects` and its facts."""

    def __init__(self, facts: Facts, effects: Effects) -> None:
        self._facts = facts
        self._effects = effects
        self._by_client_id: dict[tuple[str, str], str] = {}

    def remember(self, placement: Placement) -> None:
        """The order has entered in this batch."""
        if placement.client_order_id is not None:
            self._by_client_id[placement.participant, placement.client_order_id] = placement.order

    def placed(self, placement: Placement, content: str | None = None) -> dict[str, Any] | None:
        """The row of the order that an earlier call with this client_order_id made. Raises Conflict when it asked for
        something else, by the digest of its content, which is the placement's own unless it is given."""
        if placement.client_order_id is None:
            return None
        key = (placement.participant, placement.client_order_id)
        row = self._facts.by_client_id.get(key)
        order = self._by_client_id.get(key) or (row and row["id"])
        row = (order and self._newest(order)) or row
        if row is None:
            return None
        if bytes(row["content_sha256"]).hex() != (content or content_sha256(placement)):
            raise Conflict(
                "client_order_id_reused",
                "this client_order_id belongs to an order with another content",
                field="client_order_id",
            )
        return public(row)

    def finished(self, order: str, participant: str) -> dict[str, Any]:
        """The row of an order of the participant that is not open. Raises NotFound."""
        row = self._newest(order) or self._facts.by_order_id.get(order)
        if row is None or row["participant_id"] != participant:
            raise NotFound("not_found", f"you have no order {order}", field="order")
        return row

    def _newest(self, order: str) -> dict[str, Any] | None:
        """The order's row as this batch leaves it, if the batch touched it."""
        record = self._effects.entered.get(order) or self._effects.changed.get(order)
        return None if record is None else record.row()


def public(row: dict[str, Any]) -> dict[str, Any]:
    """What an answer carries: the row without the digest, which is no JSON, and the guest's template, which may be
    large."""
    return {name: value for name, value in row.items() if name not in ("content_sha256", "template")}
