"""Outside facts: what the engine reads from the database before it applies a batch, without a lock.

They are journaled beside the command that used them, so that a replay needs no database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, tuple_

from billing import ledger, tax
from common.wire import Capacity
from market.engine.commands import PlaceAsk, Placement
from market.tables import instrument, node, orders, participant, slice_class


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """An instrument with the resource vector of its slice class."""

    code: str
    zone: str
    kind: str
    mode: str
    tick_micros: int
    price_min_micros: int
    price_max_micros: int
    min_minutes: int
    max_minutes: int
    horizon_minutes: int
    delivery_deadline_minutes: int
    bond_ppm: int
    release_ppm: int
    break_ppm: int
    slice: Capacity
    cpu_shares: int


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """Who enters the order: available cash, fee, VAT on both sides of a trade, and how reliably it has delivered."""

    available_micros: int
    is_provider: bool
    fee_ppm: int
    tax: tax.TaxProfile
    reliability_ppm: int = 0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node behind an ask."""

    id: str
    participant: str
    zone: str
    state: str
    offered: Capacity
    reserved_until: int


@dataclass(frozen=True, slots=True)
class TradingTerms:
    """What an open order keeps of the facts of its entry: the contracts that it makes are on these terms."""

    instrument: InstrumentFacts
    fee_ppm: int
    tax: tax.TaxProfile


@dataclass(frozen=True, slots=True)
class PlacementFacts:
    """All that one placement, or its entry again at another price, was decided on."""

    instrument: InstrumentFacts
    party: PartyFacts
    node: NodeFacts | None = None

    @property
    def terms(self) -> TradingTerms:
        """What outlasts the entry."""
        return TradingTerms(self.instrument, self.party.fee_ppm, self.party.tax)


@dataclass(slots=True)
class Facts:
    """The facts of a whole batch, by id. Orders of earlier batches that a command names come as their table rows."""

    instruments: dict[str, InstrumentFacts] = field(default_factory=dict)
    parties: dict[str, PartyFacts] = field(default_factory=dict)
    nodes: dict[str, NodeFacts] = field(default_factory=dict)
    by_client_id: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    by_order_id: dict[str, dict[str, Any]] = field(default_factory=dict)

    def spend(self, participant_id: str, amount_micros: int) -> None:
        """Let later commands of the batch see less (or, negative, more) available cash."""
        party = self.parties.get(participant_id)
        if party is not None:
            left = party.available_micros - amount_micros
            self.parties[participant_id] = dataclasses.replace(party, available_micros=left)


def gather(
    connection: Connection,
    shard: str,
    placements: Sequence[Placement],
    named: Sequence[str],
    *,
    lock_cash: bool = False,
) -> Facts:
    """Read what a batch needs, in a few statements: for what it enters (again), and the orders that it names and that
    are no longer open. With `lock_cash` the cash rows stay locked until the commit."""
    nodes = sorted({placement.node for placement in placements if isinstance(placement, PlaceAsk)})
    return Facts(
        instruments=_instruments(connection, shard, sorted({placement.instrument for placement in placements})),
        parties=_parties(connection, sorted({placement.participant for placement in placements}), lock_cash),
        nodes=_nodes(connection, nodes),
        by_client_id=_by_client_id(connection, placements),
        by_order_id=_by_order_id(connection, shard, named),
    )


def _instruments(connection: Connection, shard: str, codes: list[str]) -> dict[str, InstrumentFacts]:
    if not codes:
        return {}
    query = (
        select(instrument, slice_class)
        .join(slice_class, instrument.c.slice_class == slice_class.c.name)
        .where(instrument.c.code.in_(codes), instrument.c.zone == shard)
    )
    names = [column.name for column in dataclasses.fields(InstrumentFacts) if column.name != "slice"]
    facts = {}
    for row in connection.execute(query).mappings():
        vector = Capacity(row["vcpus"], row["memory_mib"], row["disk_gib"])
        facts[row["code"]] = InstrumentFacts(**{name: row[name] for name in names}, slice=vector)
    return facts


def _parties(connection: Connection, ids: list[str], lock_cash: bool) -> dict[str, PartyFacts]:
    if not ids:
        return {}
    columns = (participant.c.id, participant.c.is_provider, participant.c.fee_ppm, participant.c.reliability_ppm)
    query = select(*columns).where(participant.c.id.in_(ids))
    known = connection.execute(query).all()
    cash = ledger.cash(connection, [row.id for row in known], lock=lock_cash)
    taxes = tax.profiles(connection, [row.id for row in known])
    return {
        row.id: PartyFacts(
            cash[row.id].available_micros, row.is_provider, row.fee_ppm, taxes[row.id], row.reliability_ppm
        )
        for row in known
    }


def _nodes(connection: Connection, ids: list[str]) -> dict[str, NodeFacts]:
    if not ids:
        return {}
    return {
        row.id: NodeFacts(
            id=row.id,
            participant=row.participant_id,
            zone=row.zone,
            state=row.state,
            offered=Capacity(row.vcpus, row.memory_mib, row.disk_gib),
            reserved_until=row.reserved_until,
        )
        for row in connection.execute(select(node).where(node.c.id.in_(ids)))
    }


def _by_client_id(connection: Connection, placements: Sequence[Placement]) -> dict[tuple[str, str], dict[str, Any]]:
    wanted = {(placement.participant, placement.client_order_id) for placement in placements}
    named = sorted((owner, name) for owner, name in wanted if name is not None)
    if not named:
        return {}
    query = select(orders).where(tuple_(orders.c.participant_id, orders.c.client_order_id).in_(named))
    rows = connection.execute(query).mappings()
    return {(row["participant_id"], row["client_order_id"]): dict(row) for row in rows}


def _by_order_id(connection: Connection, shard: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    query = select(orders).where(orders.c.shard == shard, orders.c.id.in_(ids))
    return {row["id"]: dict(row) for row in connection.execute(query).mappings()}
