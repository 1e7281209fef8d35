"""The outside facts of a journal entry, as the auditor reads them: what an order was admitted on, and what terms its
contracts get."""

from __future__ import annotations

from dataclasses import dataclass

from common import codec
from common.errors import InvalidInput
from common.wire import Capacity
from matching.auditor.difference import Difference
from matching.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """The instrument, with what one slice takes."""

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
class TaxFacts:
    """The VAT of a participant on both sides of a trade, and the version of the identity that it follows from."""

    buyer_vat_ppm: int
    buyer_vat_category: str
    provider_vat_ppm: int
    provider_vat_category: str
    identity_version: int | None


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """Who entered the order, and the cash that it had available."""

    available_micros: int
    is_provider: bool
    fee_ppm: int
    tax: TaxFacts
    reliability_ppm: int


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node behind an ask, and what it offered at that moment."""

    id: str
    participant: str
    zone: str
    state: str
    offered: Capacity
    reserved_until: int


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """The contract behind an ask: who holds it, who delivers it out of which node, and whether that goes on."""

    id: str
    holder: str
    deliverer: str
    node: str
    instrument: str
    slices: int
    start_minute: int
    end_minute: int
    state: str
    failing: bool
    shared: bool
    reliability_ppm: int


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What one entry or re-entry was decided on."""

    instrument: InstrumentFacts
    party: PartyFacts
    node: NodeFacts | None
    contract: ContractFacts | None = None


def entry_facts(entry: JournalEntry) -> list[EntryFacts]:
    """The facts of the entry, one for each order that it lets meet the book. Raises Difference for what cannot be
    read."""
    value = entry.facts.get("facts")
    values = value if isinstance(value, list) else [] if value is None else [value]
    try:
        return [codec.from_json(EntryFacts, facts) for facts in values]
    except InvalidInput as error:
        raise Difference(f"its facts cannot be read: {error.message}") from error
