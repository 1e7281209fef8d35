"""What a participant of a simulation holds, as it would see it over HTTP: contracts, nodes' offers, rests of others."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from market.tables import contract, orders
from tests.simulation.market import SPOT_CODE

_LIVE = contract.c.state.in_(("scheduled", "provisioning", "running", "stopped"))


@dataclass(frozen=True, slots=True)
class Holding:
    """A contract that somebody bought and that has not ended; `is_part` says that another one's guest delivers it."""

    id: str
    kind: str
    node: str
    instrument: str
    slices: int
    end_minute: int
    is_part: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """The rest of a contract as its buyer offers it: all of its slices, until just its end."""

    instrument: str
    slices: int
    from_minute: int
    end_minute: int
    price_micros: int


def bought(database: Engine, participant: str) -> list[Holding]:
    """What this participant bought, by id."""
    query = select(contract).where(contract.c.buyer_id == participant, _LIVE).order_by(contract.c.id)
    with database.connect() as connection:
        rows = connection.execute(query).all()
    return [Holding(r.id, r.kind, r.node_id, r.instrument, r.slices, r.end_minute, r.grows is not None) for r in rows]


def reclaimable(database: Engine, participant: str) -> list[str]:
    """The contracts that this participant sold and may take back, by id."""
    spot = contract.c.instrument == SPOT_CODE
    query = select(contract.c.id).where(contract.c.provider_id == participant, _LIVE, spot)
    with database.connect() as connection:
        return list(connection.execute(query.order_by(contract.c.id)).scalars())


def rests(database: Engine, participant: str) -> list[Rest]:
    """What others than this participant offer of their contracts, by id."""
    is_open = orders.c.state.in_(("new", "partially_filled"))
    of_others = orders.c.backing_contract_id.is_not(None) & (orders.c.participant_id != participant)
    query = select(orders).where(is_open, of_others).order_by(orders.c.id)
    with database.connect() as connection:
        rows = connection.execute(query).all()
    return [Rest(r.instrument, r.slices, r.available_from, r.available_until, r.price_micros) for r in rows]
