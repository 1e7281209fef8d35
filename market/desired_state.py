"""The desired state of a contract, as its agent is told: always whole, with a revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from common import codec, subjects
from common.wire import SPOKEN_SINCE, Allocation, Extras, GuestSpec
from market.tables import contract
from runtime.outbox import OutboxMessage


def allocation_message(row: Mapping[Any, Any], *, again: str = "") -> OutboxMessage:
    """The outbox message for a row of `contract`, which may end before its window does. `again` tells a repetition from
    the first, which the bus would drop."""
    allocation = Allocation(
        contract=row["id"],
        revision=row["revision"],
        want=row["want"],
        start=row.get("resumed_minute") or row["start_minute"],
        end=row["end_minute"] if row["want"] == "gone" else row["ended_minute"] or row["end_minute"],
        guest=spec_of(row),
        extras=codec.from_json(Extras, row.get("extras") or {}),
        kind=row["kind"],
        bought_disk_gib=row["guest"]["disk_gib"],
        version=SPOKEN_SINCE[row["kind"]],
    )
    return OutboxMessage(
        id=f"{row['id']}:{row['revision']}{again and ':'}{again}",
        subject=subjects.allocation(row["node_id"], row["id"]),
        payload=codec.encode(allocation),
    )


def spec_of(row: Mapping[Any, Any]) -> GuestSpec:
    """What the guest of a row of `contract` is to be: as it was sold, or as its buyer has rescaled it."""
    return codec.from_json(GuestSpec, row.get("rescaled") or row["guest"])


def repeat(connection: Connection, contracts: list[str], again: str) -> list[OutboxMessage]:
    """The desired state of these contracts once more."""
    query = select(contract).where(contract.c.id.in_(contracts)).order_by(contract.c.id)
    return [allocation_message(row, again=again) for row in connection.execute(query).mappings()]
