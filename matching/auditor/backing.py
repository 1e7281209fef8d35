"""The money behind orders and contracts, by the auditor's own reading, in micro-units; every share is rounded down.

Source: the design's market rules, "Orders", and ledger, "Postings": a bid reserves its limit price with the buyer's
VAT, guest by guest; an exclusive group what its dearest bid needs; an ask `bond_ppm` of its own limit price on all that
it has left, passed minutes included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matching.auditor.facts import EntryFacts
from matching.auditor.holding import BidHolding, Holding
from matching.events import Trade

_MILLION = 1_000_000

Group = tuple[str, ...]
"""Ids of orders, in the order in which they entered."""


def group_of(holding: Holding) -> Group:
    """The orders that share what they bind with this one: its exclusive group, or itself alone."""
    return (isinstance(holding, BidHolding) and holding.group) or (holding.entry.order,)


def binding(group: Sequence[Holding], terms: Mapping[str, EntryFacts]) -> dict[str, int]:
    """What each of these orders, which share it, binds of its participant's cash: as only one of them can trade, the
    one that needs most (the first of these in their order) binds for all, and the others nothing."""
    needs = {holding.entry.order: _needed(holding, terms[holding.entry.order]) for holding in group}
    dearest = max(needs, key=lambda order: needs[order], default=None)
    return {order: need if order == dearest else 0 for order, need in needs.items()}


def _needed(holding: Holding, facts: EntryFacts) -> int:
    """What the order could take of its participant's cash, as it stands."""
    if isinstance(holding, BidHolding):
        guest = holding.price_micros * holding.entry.slices_per_guest * holding.entry.duration_minutes
        return holding.left * (guest + guest * facts.party.tax.buyer_vat_ppm // _MILLION)
    if holding.entry.contract is not None:
        return 0  # its first seller's bond stands behind it
    return holding.price_micros * holding.slice_minutes_left * facts.instrument.bond_ppm // _MILLION


def escrow_of(trade: Trade, bid: EntryFacts) -> int:
    """What one guest of the trade takes from the buyer's cash."""
    gross = trade.price_micros * trade.slices_per_guest * (trade.end - trade.start)
    return gross + gross * bid.party.tax.buyer_vat_ppm // _MILLION


def bond_of(trade: Trade, ask_price_micros: int, ask: EntryFacts) -> int:
    """What one guest of the trade takes from the provider's cash; nothing for the rest of a contract."""
    if ask.contract is not None:
        return 0
    slice_minutes = trade.slices_per_guest * (trade.end - trade.start)
    return ask_price_micros * slice_minutes * ask.instrument.bond_ppm // _MILLION
