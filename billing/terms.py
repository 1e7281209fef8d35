"""What a contract costs: its terms, frozen at the trade, and every figure as a function of its billed minutes. Pure.

No amount ever falls as minutes grow, and each posting is the total now less the total posted before: no rounding adds
up, whatever the steps. Source: the design's market rules, "Delivery and billing", and ledger, "Postings".
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Bargain:
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


@dataclass(frozen=True, slots=True)
class Totals:
    """Running totals of a contract, in micro-units.

    `gross` is price x slice-minutes, `provider_net` gross less the fee, `escrow_captured` gross and the buyer's VAT.
    """

    gross: int
    fee: int
    buyer_vat: int
    provider_net: int
    provider_vat: int
    bond_returned: int
    escrow_captured: int

    def __sub__(self, earlier: Totals) -> Totals:
        return Totals(
            gross=self.gross - earlier.gross,
            fee=self.fee - earlier.fee,
            buyer_vat=self.buyer_vat - earlier.buyer_vat,
            provider_net=self.provider_net - earlier.provider_net,
            provider_vat=self.provider_vat - earlier.provider_vat,
            bond_returned=self.bond_returned - earlier.bond_returned,
            escrow_captured=self.escrow_captured - earlier.escrow_captured,
        )


def gross_with_vat(price_micros: int, slice_minutes: int, vat_ppm: int) -> int:
    """The price of so many slice-minutes with VAT: what a bid reserves, and a contract takes into escrow, per guest."""
    gross = price_micros * slice_minutes
    return gross + share_floor(gross, vat_ppm)


def bond(limit_price_micros: int, slice_minutes: int, bond_ppm: int) -> int:
    """The bond of so many slice-minutes at an ask's limit price, rounded down: the bonds of the parts never exceed the
    bond of the whole, so what an ask reserves always covers its contracts."""
    return share_floor(limit_price_micros * slice_minutes, bond_ppm)


def totals(bargain: Bargain, billed_minutes: int) -> Totals:
    """Everything that follows from `billed_minutes`. With all minutes billed, escrow and bond are used up exactly."""
    if not 0 <= billed_minutes <= bargain.minutes:
        raise AssertionError(f"{billed_minutes} minutes billed of {bargain.minutes}")
    terms = bargain.terms
    gross = bargain.price_micros * bargain.slices * billed_minutes
    fee = share_floor(gross, terms.fee_ppm)
    buyer_vat = share_floor(gross, terms.buyer_vat_ppm)
    return Totals(
        gross=gross,
        fee=fee,
        buyer_vat=buyer_vat,
        provider_net=gross - fee,
        provider_vat=share_floor(gross - fee, terms.provider_vat_ppm),
        bond_returned=bargain.bond_micros * billed_minutes // bargain.minutes,
        escrow_captured=gross + buyer_vat,
    )


def bond_forfeited(bargain: Bargain, billed_minutes: int) -> int:
    """The bond of the undelivered minutes beyond the allowance, at the end of a contract."""
    spared = min(bargain.minutes, billed_minutes + bargain.terms.allowance_minutes)
    return bargain.bond_micros - totals(bargain, spared).bond_returned
