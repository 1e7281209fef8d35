"""What a contract costs: its terms, frozen at the trade, and every figure as a function of its billed minutes. Pure.

No amount ever falls as minutes grow, and each posting is the total now less the total posted before: no rounding adds
up, whatever the steps. Source: the design's market rules, "Delivery and billing", and ledger, "Postings".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from common.money import share_floor


@dataclass(frozen=True, slots=True)
class Terms:
    """Rates in parts per million of what they are taken from; VAT categories as in UNTDID 5305 (S, AE, O).

    Undelivered minutes up to `allowance_minutes` forfeit no bond.
    """

    fee_ppm: int
    buyer_vat_ppm: int
    buyer_vat_category: str
    buyer_identity_version: int | None
    provider_vat_ppm: int
    provider_vat_category: str
    provider_identity_version: int | None
    release_ppm: int
    break_ppm: int
    allowance_minutes: int


class Bargain(NamedTuple):
    """So many slices for so many minutes at a price per slice-minute, with the bond that was taken for it."""

    slices: int
    minutes: int
    price_micros: int
    bond_micros: int
    terms: Terms

    @property
    def escrow_micros(self) -> int:
        """What the buyer has put aside at the trade."""
        return gross_with_vat(self.price_micros, self.slices * self.minutes, self.terms.buyer_vat_ppm)


class Totals(NamedTuple):
    """Running totals of a contract, in micro-units. Settlement makes three of them for every contract and minute.

    `gross` is price x slice-minutes and the release fee, `provider_net` gross less the market's fee, `escrow_captured`
    gross and the buyer's VAT.
    """

    gross: int
    fee: int
    buyer_vat: int
    provider_net: int
    provider_vat: int
    escrow_captured: int

    @property
    def provider_due(self) -> int:
        """What the provider earns: net of the fee, with its own VAT."""
        return self.provider_net + self.provider_vat

    @property
    def tax(self) -> int:
        """What the market owes its tax office: output less input, which may be negative."""
        return self.buyer_vat - self.provider_vat

    def __sub__(self, earlier: Totals) -> Totals:
        return Totals(*map(int.__sub__, self, earlier))


def gross_with_vat(price_micros: int, slice_minutes: int, vat_ppm: int) -> int:
    """The price of so many slice-minutes with VAT: what a bid reserves, and a contract takes into escrow, per guest."""
    gross = price_micros * slice_minutes
    return gross + share_floor(gross, vat_ppm)


def bond(limit_price_micros: int, slice_minutes: int, bond_ppm: int) -> int:
    """The bond of so many slice-minutes at an ask's limit price, rounded down: the bonds of the parts never exceed the
    bond of the whole, so what an ask reserves always covers its contracts."""
    return share_floor(limit_price_micros * slice_minutes, bond_ppm)


def totals(bargain: Bargain, billed_minutes: int, released_minutes: int = 0) -> Totals:
    """Everything that follows from `billed_minutes`, and from the `released_minutes` that the release fee is taken of.
    With all minutes billed, or billed and released at the full rate, the escrow is used up exactly."""
    if not 0 <= billed_minutes <= bargain.minutes - released_minutes or released_minutes < 0:
        raise AssertionError(f"{billed_minutes} minutes billed and {released_minutes} released of {bargain.minutes}")
    terms = bargain.terms
    minute_price = bargain.price_micros * bargain.slices
    gross = minute_price * billed_minutes
    if released_minutes:
        gross += share_floor(minute_price * released_minutes, terms.release_ppm)
    fee = share_floor(gross, terms.fee_ppm)
    buyer_vat = share_floor(gross, terms.buyer_vat_ppm)
    net = gross - fee
    return Totals(gross, fee, buyer_vat, net, share_floor(net, terms.provider_vat_ppm), gross + buyer_vat)


def bond_of(bargain: Bargain, minutes: int) -> int:
    """The bond of the contract's first `minutes`: what has gone back once they are delivered."""
    return bargain.bond_micros * minutes // bargain.minutes


def bond_forfeited(bargain: Bargain, kept_minutes: int, billed_minutes: int, bond_minutes: int) -> int:
    """At the end of a contract that kept so many of its minutes: the bond of those that were not delivered, beyond the
    allowance. The bond of the first `bond_minutes` has gone back already, and stays there."""
    spared = min(kept_minutes, max(billed_minutes + bargain.terms.allowance_minutes, bond_minutes))
    return bond_of(bargain, kept_minutes) - bond_of(bargain, spared)


def break_fee(limit_price_micros: int, slice_minutes: int, break_ppm: int, bond_micros: int) -> int:
    """What a provider owes for reclaiming these slice-minutes, on the base of their bond and never more than it."""
    return min(share_floor(limit_price_micros * slice_minutes, break_ppm), bond_micros)
