"""What a deployment starts with: its clock and currency, the market's own accounts and identity, the standard slice
classes, and the operator's first key. Every step leaves alone what is there already."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, exists, select

from billing import identities, ledger
from billing.transfers import MARKET
from common.clock import ClockAnchor, MarketClock, SystemClock
from market.instruments.slice_classes import STANDARD, add_class, list_classes
from market.participants.create_participant import create_participant
from market.participants.keys import SCOPES
from market.tables import api_key
from runtime import deployment
from runtime.database import connect, transaction

MARKET_IDENTITY = identities.Form(
    company="Nestex Example Market GmbH",
    tax_number="DE136695976",
    iban="DE89370400440532013000",
    country="DE",
    street="Taunusanlage 1",
    postcode="60329",
    city="Frankfurt am Main",
)
"""Stands on documents until the operator sends its own with `POST /v1/providers`."""


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """How a deployment begins. `market_micros` is the market time at which its clock starts; None: real time."""

    currency: str = "EUR"
    clock_speed: int = 1
    market_micros: int | None = None
    identity: identities.Form = field(default=MARKET_IDENTITY)


def prepare(database_url: str, new: NewDeployment) -> str | None:
    """Make what is missing. The text of the operator's key if one was made now; it is not to be had again."""
    database = connect(database_url, application="nestex bootstrap", pool_size=1)
    real = SystemClock()
    wall = real.wall_micros()
    anchor = ClockAnchor(wall, wall if new.market_micros is None else new.market_micros, new.clock_speed)

    def work(connection: Connection) -> str | None:
        stored = deployment.establish(connection, new.currency, anchor)
        clock = MarketClock(stored.anchor, real)
        ledger.open_market_accounts(connection)
        if not identities.latest(connection, [MARKET]):
            identities.save(connection, MARKET, new.identity, clock.now_micros())
        known = {existing.name for existing in list_classes(connection)}
        for standard in STANDARD:
            if standard.name not in known:
                add_class(connection, standard)
        return _operator_key(connection, clock.now_ms())

    try:
        return transaction(database, work)
    finally:
        database.dispose()


def _operator_key(connection: Connection, at_ms: int) -> str | None:
    operating = select(exists().where(api_key.c.scopes.contains(["operate"])))
    if connection.execute(operating).scalar_one():
        return None
    _, key = create_participant(connection, at_ms, "Market operator", "operator@localhost", scopes=SCOPES)
    return key
