"""From a billed amount down to the orders, in one go: billing's part, with the trade and the caller's order."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from billing import lineage
from market.contracts.resale_lineage import resales
from market.tables import contract, orders, trade

_ALL_OF_A_DAY = 1440
_LINKS = ("replaces", "replaced_by")
_ORDER = ("id", "side", "client_order_id", "instrument", "price_micros", "state", "entered_at_micros")
_TRADE = (
    "shard",
    "sequence",
    "ordinal",
    "taker_side",
    "price_micros",
    "start_minute",
    "end_minute",
    "guests",
    "slices_per_guest",
    "at_micros",
)


def contract_lineage(
    connection: Connection, participant: str, contract_id: str, after_minute: int, limit: int, day: date | None = None
) -> dict[str, Any]:
    """Days, minutes, reports, transfers and documents of a contract, its trade, the participant's own order, and what
    resales link with it; the other side's order is not shown, and what was bought in its place is the buyer's alone to
    see. Raises NotFound for a contract of others."""
    found = lineage.of_contract(connection, participant, contract_id, after_minute, limit, day)
    traded = (
        connection.execute(
            select(trade, *(contract.c[name] for name in ("bid_order_id", "ask_order_id", *_LINKS)))
            .join(
                contract,
                (contract.c.shard == trade.c.shard)
                & (contract.c.sequence == trade.c.sequence)
                & (contract.c.ordinal == trade.c.ordinal),
            )
            .where(contract.c.id == contract_id)
        )
        .mappings()
        .one()
    )
    bought = found.contract["buyer_id"] == participant
    own = traded["bid_order_id" if bought else "ask_order_id"]
    order = connection.execute(select(orders).where(orders.c.id == own)).mappings().one()
    return asdict(found) | {
        "trade": {name: traded[name] for name in _TRADE},
        "order": {name: order[name] for name in _ORDER},
        "links": {name: traded[name] if bought else None for name in _LINKS},
        "resales": resales(connection, participant, contract_id),
    }


def line_lineage(
    connection: Connection, participant: str, document_id: str, line: int, after: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """The lineages of `limit` of the contract days that a document's line sums up, behind the first `after` of them,
    and how many there are in all. Raises NotFound."""
    charges = lineage.charges_of_line(connection, participant, document_id, line)
    found = [
        contract_lineage(connection, participant, charge.contract_id, 0, _ALL_OF_A_DAY, date.fromisoformat(charge.day))
        for charge in charges[after : after + limit]
    ]
    return found, len(charges)
