"""Contracts that made a guest larger, and that the guest of an older contract, their main one, delivers too.

They follow its state, end with it, and their agent knows nothing of them. The engine and the use cases both need this.
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from billing import contracts as billing_contracts
from billing.tables import billable_contract
from common import codec
from common.wire import GuestSpec
from market.contract_states import CONTRACT_STATES, FAILED
from market.tables import contract

_LIVE = contract.c.state.in_([state for state in CONTRACT_STATES.rows if CONTRACT_STATES.rows[state]])
_main = contract.alias("main")
_SHARED = ("state", "guest_state", "guest_state_at_ms", "ready_at_micros")
_GROWN = select(contract).where(contract.c.grows == bindparam("main"), _LIVE).order_by(contract.c.sequence)
_UNDIVIDED = contract.c.id.in_(select(billable_contract.c.contract_id).where(billable_contract.c.ending.is_(None)))
_ENDING = (
    select(contract)
    .where(contract.c.grows == bindparam("main"), _LIVE | ((contract.c.state == FAILED) & _UNDIVIDED))
    .order_by(contract.c.sequence)
)
_FOLLOW = (
    update(contract)
    .where(contract.c.grows == bindparam("main_id"), _main.c.id == contract.c.grows, _LIVE)
    .values({name: _main.c[name] for name in _SHARED})
    .returning(contract.c.id)
)


def grown_of(connection: Connection, main: str) -> list[RowMapping]:
    """Rows of the contracts that make the guest larger now, in the order in which they were bought."""
    return list(connection.execute(_GROWN, {"main": main}).mappings())


def ending_with(connection: Connection, main: str) -> list[RowMapping]:
    """As `grown_of`, and those that have failed with the main contract and whose money is not divided yet."""
    return list(connection.execute(_ENDING, {"main": main}).mappings())


def hold_with_grown(connection: Connection, main: str) -> None:
    """Lock the rows of all of them in billing until the transaction ends, in id order."""
    for name in sorted({main, *(row["id"] for row in grown_of(connection, main))}):
        billing_contracts.hold(connection, name)


def follow_main(connection: Connection, main: str) -> list[str]:
    """Let them be in the state of their main contract, which is not an end; their ids."""
    return sorted(connection.execute(_FOLLOW, {"main_id": main}).scalars())


def bought_spec(connection: Connection, row: RowMapping) -> GuestSpec:
    """What all slices of the guest of a row of `contract` bought together."""
    own = codec.from_json(GuestSpec, row["guest"])
    slices = row["slices"] + sum(other["slices"] for other in grown_of(connection, row["id"]))
    return scaled(own, row["slices"], slices)


def scaled(own: GuestSpec, slices: int, in_all: int) -> GuestSpec:
    """What so many slices buy, given what `slices` of the same class bought."""
    sizes = {name: getattr(own, name) // slices * in_all for name in ("vcpus", "memory_mib", "disk_gib")}
    return codec.from_json(GuestSpec, codec.to_json(own) | sizes)
