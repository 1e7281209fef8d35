"""Outside facts: what the engine reads from the database before it applies a batch, without a lock.

They are journaled beside the command that used them, so that a replay needs no database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, Text, any_, bindparam, cast, func, select

from billing import ledger, tax
from billing.standing import STANDING, STANDING_COLUMNS, standing_in
from common.errors import NotFound
from common.wire import SPOKEN_SINCE, Capacity
from market.engine.commands import PlaceAsk, Placement
from market.engine.contract_facts import CONTRACTS, ContractFacts, contract_facts
from market.tables import instrument, node, orders, participant, slice_class
from runtime.arrays import text_array
from runtime.driver import Asked, Pipe


def _is_one_of(text: Column[Any], name: str) -> ColumnElement[bool]:
    """Built once with the statements below: to build a statement costs more than to run it."""
    return text == any_(_texts(name))


def _texts(name: str) -> ColumnElement[Any]:
    """What `text_array` makes."""
    return cast(bindparam(name, type_=Text), ARRAY(Text))


_INSTRUMENTS = (
    select(
        instrument,
        slice_class.c.vcpus,
        slice_class.c.memory_mib,
        slice_class.c.disk_gib,
        slice_class.c.kind,
        slice_class.c.cpu_shares,
    )
    .join(slice_class, instrument.c.slice_class == slice_class.c.name)
    .where(_is_one_of(instrument.c.code, "codes"), instrument.c.zone == bindparam("shard"))
)
_PARTIES = (
    select(
        participant.c.id,
        participant.c.is_provider,
        participant.c.fee_ppm,
        participant.c.reliability_ppm,
        *STANDING_COLUMNS,
    )
    .join(STANDING, STANDING.c.owner == participant.c.id)
    .where(_is_one_of(participant.c.id, "ids"))
)
_NODES = select(node).where(_is_one_of(node.c.id, "ids"))
_NAMED = func.unnest(_texts("owners"), _texts("names")).table_valued("owner", "name").render_derived(name="named")
_BY_CLIENT_ID = select(orders).join(
    _NAMED, (orders.c.participant_id == _NAMED.c.owner) & (orders.c.client_order_id == _NAMED.c.name)
)
_BY_ORDER_ID = select(orders).where(orders.c.shard == bindparam("shard"), _is_one_of(orders.c.id, "ids"))


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


_OF_INSTRUMENT = tuple(field.name for field in dataclasses.fields(InstrumentFacts) if field.name != "slice")


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
    contract: ContractFacts | None = None

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
    spoken: dict[str, int | None] = field(default_factory=dict)
    """By node, the version of the protocol that its agent speaks."""

    contracts: dict[str, ContractFacts] = field(default_factory=dict)
    by_client_id: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    by_order_id: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, placement: Placement) -> PlacementFacts:
        """What this placement is decided on. Raises NotFound."""
        instrument = self.instruments.get(placement.instrument)
        if instrument is None:
            raise NotFound("not_found", f"there is no instrument {placement.instrument} here", field="instrument")
        party = self.parties.get(placement.participant)
        if party is None:
            raise NotFound("not_found", f"there is no participant {placement.participant}", field="participant")
        if not isinstance(placement, PlaceAsk):
            return PlacementFacts(instrument, party)
        if placement.contract is not None:
            return PlacementFacts(instrument, party, contract=self.contracts.get(placement.contract))
        return PlacementFacts(instrument, party, self._node_for(placement.node, instrument))

    def _node_for(self, node_id: str, instrument: InstrumentFacts) -> NodeFacts | None:
        """The node, `outdated` where its agent would not understand what is sold."""
        node, spoken = self.nodes.get(node_id), self.spoken.get(node_id)
        if node is None or node.state != "online" or spoken is None or spoken >= SPOKEN_SINCE[instrument.kind]:
            return node
        return dataclasses.replace(node, state="outdated")

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
    """Read what a batch needs, in one round trip: for what it enters (again), and the orders that it names and that
    are no longer open. With `lock_cash` the cash rows stay locked until the commit."""
    owners = sorted({placement.participant for placement in placements})
    if lock_cash:
        ledger.lock_cash(connection, owners)
    pipe = Pipe(connection)
    codes = sorted({placement.instrument for placement in placements})
    instruments = pipe.put(_INSTRUMENTS, {"codes": text_array(codes), "shard": shard}) if codes else None
    parties = pipe.put(_PARTIES, {"ids": text_array(owners)}) if owners else None
    asks = [placement for placement in placements if isinstance(placement, PlaceAsk)]
    nodes = sorted({ask.node for ask in asks if ask.contract is None})
    backing = pipe.put(_NODES, {"ids": text_array(nodes)}) if nodes else None
    resold = sorted({ask.contract for ask in asks if ask.contract is not None})
    resales = pipe.put(CONTRACTS, {"ids": resold, "shard": shard}) if resold else None
    names = _client_ids(placements)
    known = pipe.put(_BY_CLIENT_ID, {side: text_array(ids) for side, ids in names.items()}) if names["owners"] else None
    finished = pipe.put(_BY_ORDER_ID, {"ids": text_array(named), "shard": shard}) if named else None
    pipe.send()
    found = _rows(backing)
    return Facts(
        instruments={row.code: _instrument(row) for row in _rows(instruments)},
        parties={row.id: _party(row) for row in _rows(parties)},
        nodes={row.id: _node(row) for row in found},
        spoken={row.id: row.wire_version for row in found},
        contracts={row.id: contract_facts(row) for row in _rows(resales)},
        by_client_id={(row.participant_id, row.client_order_id): row._asdict() for row in _rows(known)},
        by_order_id={row.id: row._asdict() for row in _rows(finished)},
    )


def _rows(asked: Asked | None) -> list[Any]:
    """None for what there was no need to ask."""
    return [] if asked is None else asked.rows


def _instrument(row: Any) -> InstrumentFacts:
    vector = Capacity(row.vcpus, row.memory_mib, row.disk_gib)
    return InstrumentFacts(**{name: getattr(row, name) for name in _OF_INSTRUMENT}, slice=vector)


def _party(row: Any) -> PartyFacts:
    standing = standing_in(row)
    return PartyFacts(standing.cash.available_micros, row.is_provider, row.fee_ppm, standing.tax, row.reliability_ppm)


def _node(row: Any) -> NodeFacts:
    return NodeFacts(
        id=row.id,
        participant=row.participant_id,
        zone=row.zone,
        state="draining" if row.draining else row.state,
        offered=Capacity(row.vcpus, row.memory_mib, row.disk_gib),
        reserved_until=row.reserved_until,
    )


def _client_ids(placements: Sequence[Placement]) -> dict[str, list[str]]:
    """Owners and client_order_ids, side by side, of the placements that have one."""
    wanted = {(placement.participant, placement.client_order_id) for placement in placements}
    named = sorted((owner, name) for owner, name in wanted if name is not None)
    return {"owners": [owner for owner, _ in named], "names": [name for _, name in named]}
