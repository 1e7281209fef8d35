"""What an engine must know of those who enter orders: cash and tax, as one table expression that it joins with its own
tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select

from billing.accounts import Cash
from billing.tables import ledger_account, legal_identity
from billing.tax import TaxProfile, profile_of
from billing.transfers import MARKET
from common.errors import NotFound

_of_market = legal_identity.alias("of_market")
_HOME = (
    select(_of_market.c.country)
    .where(_of_market.c.participant_id == MARKET)
    .order_by(_of_market.c.version.desc())
    .limit(1)
    .scalar_subquery()
)
_later = legal_identity.alias("later")
_NEWEST = select(func.max(_later.c.version)).where(_later.c.participant_id == ledger_account.c.owner).scalar_subquery()

STANDING = (
    select(
        ledger_account.c.owner,
        ledger_account.c.balance_micros,
        ledger_account.c.reserved_micros,
        legal_identity.c.version.label("identity_version"),
        legal_identity.c.country,
        legal_identity.c.tax_number,
        _HOME.label("home"),
    )
    .outerjoin_from(
        ledger_account,
        legal_identity,
        and_(legal_identity.c.participant_id == ledger_account.c.owner, legal_identity.c.version == _NEWEST),
    )
    .where(ledger_account.c.kind == "cash")
    .subquery("standing")
)
"""A row per owner of a cash account. The rows of a join with it go to `standing_in`."""

STANDING_COLUMNS = tuple(column for column in STANDING.c if column.key != "owner")


@dataclass(frozen=True, slots=True)
class Standing:
    """A participant's cash and tax profile."""

    cash: Cash
    tax: TaxProfile


def standing_in(row: Any) -> Standing:
    """What a row with STANDING_COLUMNS says. Raises NotFound while the market has no legal identity."""
    if row.home is None:
        raise NotFound("not_found", "the market has no legal identity yet")
    tax = profile_of(row.home, row.identity_version, row.country, row.tax_number)
    return Standing(Cash(row.balance_micros, row.reserved_micros), tax)
