"""The volumes that a guest is given: contracts of their own, of the same buyer, on the same node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from common.minutes import MICROS_PER_MINUTE
from market.contract_states import CONTRACT_STATES
from market.desired_state import spec_of
from market.tables import contract

_LIVE = [state for state in CONTRACT_STATES.rows if not CONTRACT_STATES.is_terminal(state)]


@dataclass(frozen=True, slots=True)
class GivenVolume:
    """A volume's contract; one that is `set_aside` gives its room to the guest's snapshots, and is no disk."""

    contract: str
    name: str
    size_gib: int
    set_aside: bool


def volumes_of(connection: Connection, guest: Mapping[Any, Any], at_micros: int) -> list[GivenVolume]:
    """Those of the guest of a row of `contract` whose contracts are not over at an instant, in id order."""
    columns = contract.c
    query = select(contract).where(
        columns.node_id == guest["node_id"],
        columns.state.in_(_LIVE),
        columns.kind == "volume",
        func.coalesce(columns.ended_minute, columns.end_minute) > at_micros // MICROS_PER_MINUTE,
        columns.extras["attached_to"].astext == guest["id"],
    )
    return [_given(row) for row in connection.execute(query.order_by(columns.id)).mappings()]


def _given(row: Mapping[Any, Any]) -> GivenVolume:
    spec = spec_of(row)
    return GivenVolume(row["id"], spec.name, spec.disk_gib, bool(row["extras"].get("set_aside")))
