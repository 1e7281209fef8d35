"""Value added tax by simple rules, decided when an order enters and frozen at the trade.

The market buys from the provider and sells to the buyer, so each side of a trade has its own tax. Categories are those
of UNTDID 5305: `S` standard rate, `AE` reverse charge, `O` outside the scope of the tax. The rules are for a market in
the European Union; elsewhere everything is `O`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from billing.identities import LegalIdentity, latest
from billing.transfers import MARKET
from billing.vat_rates import EU_STANDARD_RATES_PPM
from common.errors import NotFound

STANDARD = "S"
REVERSE_CHARGE = "AE"
OUT_OF_SCOPE = "O"


@dataclass(frozen=True, slots=True)
class TaxProfile:
    """A participant's VAT as a buyer and as a provider, and the version of its legal identity that it follows from."""

    buyer_vat_ppm: int
    buyer_vat_category: str
    provider_vat_ppm: int
    provider_vat_category: str
    identity_version: int | None


def profiles(connection: Connection, participant_ids: Iterable[str]) -> dict[str, TaxProfile]:
    """The tax profile of each of these, in one query. Raises NotFound while the market has no legal identity."""
    wanted = list(participant_ids)
    known = latest(connection, [*wanted, MARKET])
    if MARKET not in known:
        raise NotFound("not_found", "the market has no legal identity yet")
    home = known[MARKET].form.country
    return {participant: profile(home, known.get(participant)) for participant in wanted}


def profile(home: str, identity: LegalIdentity | None) -> TaxProfile:
    """The rules, for a market in the country `home`."""
    if identity is None:
        return profile_of(home, None, None, None)
    return profile_of(home, identity.version, identity.form.country, identity.form.tax_number)


def profile_of(home: str, version: int | None, country: str | None, tax_number: str | None) -> TaxProfile:
    """The same from what the rules need of a legal identity; all None where there is none."""
    buyer = _buyer_category(home, country or home, tax_number)
    provider = _provider_category(home, country or home, tax_number)
    standard = EU_STANDARD_RATES_PPM.get(home, 0)
    return TaxProfile(
        buyer_vat_ppm=standard if buyer == STANDARD else 0,
        buyer_vat_category=buyer,
        provider_vat_ppm=standard if provider == STANDARD else 0,
        provider_vat_category=provider,
        identity_version=version,
    )


def _buyer_category(home: str, country: str, tax_number: str | None) -> str:
    """Who has not said who it is counts as a consumer in the market's country."""
    if home not in EU_STANDARD_RATES_PPM or country not in EU_STANDARD_RATES_PPM:
        return OUT_OF_SCOPE
    if country != home and tax_number is not None:
        return REVERSE_CHARGE
    return STANDARD


def _provider_category(home: str, country: str, tax_number: str | None) -> str:
    if tax_number is None or home not in EU_STANDARD_RATES_PPM or country not in EU_STANDARD_RATES_PPM:
        return OUT_OF_SCOPE
    return STANDARD if country == home else REVERSE_CHARGE
