"""The money behind orders and contracts, by the auditor's own reading, in micro-units; every share is rounded down.

Source: the design's market rules, "Orders", and ledger, "Postings": a bid reserves its limit price with the buyer's
VAT, guest by guest; an ask `bond_ppm` of its own limit price on all that it has left, passed minutes included.
"""

from __future__ import annotations

from matching.auditor.facts import EntryFacts
from matching.auditor.holding import BidHolding, Holding
from matching.events import Trade

_MILLION = 1_000_000


def reserved_for(holding: Holding, facts: EntryFacts) -> int:
    """What the order binds of its participant's cash, as it stands."""
    if isinstance(holding, BidHolding):
        guest = holding.price_micros * holding.entry.slices_per_guest * holding.entry.duration_minutes
        return holding.left * (guest + guest * facts.party.tax.buyer_vat_ppm // _MILLION)
    return holding.price_micros * holding.slice_minutes_left * facts.instrument.bond_ppm // _MILLION


def escrow_of(trade: Trade, bid: EntryFacts) -> int:
    """What one guest of the trade takes from the buyer's cash."""
    gross = trade.price_micros * trade.slices_per_guest * (trade.end - trade.start)
    return gross + gross * bid.party.tax.buyer_vat_ppm // _MILLION


def bond_of(trade: Trade, ask_price_micros: int, ask: EntryFacts) -> int:
    """What one guest of the trade takes from the provider's cash."""
    slice_minutes = trade.slices_per_guest * (trade.end - trade.start)
    return ask_price_micros * slice_minutes * ask.instrument.bond_ppm // _MILLION
