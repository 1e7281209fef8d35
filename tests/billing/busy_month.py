"""The books of a busy month: buyers and providers of every tax, several prices, contracts over midnight, one without a
minute, and one that runs into the next month, which is still open."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from billing import completion, metering, periods
from billing.identities import Form, save
from tests.billing.factories import (
    AT,
    AUSTRIAN_BUYER,
    END,
    GERMAN_PROVIDER,
    GRACE,
    MONTH,
    NOW,
    START,
    TERMS,
    Agent,
    contract,
    open_participants,
    trade,
)

CLOSED_AT = END * 60_000_000 + 301_500_000
REVERSE = replace(TERMS, buyer_vat_ppm=0, buyer_vat_category="AE")
REDUCED = replace(TERMS, buyer_vat_ppm=70_000)
SMALL = replace(TERMS, provider_vat_ppm=0, provider_vat_category="O")
SMALL_PROVIDER = Form("Łukasz Ærø & Söhne", "DE", "Am Hang 4", "01097", "Dresden", None, "DE75512108001245126199")


def open_busy_month(connection: Connection) -> None:
    """The participants, and what they agreed on and delivered in the month and at the beginning of the next."""
    open_participants(connection, "consumer", "tinkerer")
    save(connection, "provider", GERMAN_PROVIDER, AT)
    save(connection, "buyer", AUSTRIAN_BUYER, AT)
    save(connection, "tinkerer", SMALL_PROVIDER, AT)
    trade(
        connection,
        contract("con1", minutes=2_000, price_micros=4_167, terms=REVERSE),
        contract("con2", minutes=60, price_micros=4_167, terms=REVERSE, provider="tinkerer"),
        contract("con3", minutes=60, price_micros=99, slices=1, buyer="consumer"),
        contract("con4", minutes=60, price_micros=3_331, buyer="consumer", terms=REDUCED),
        contract("con5", minutes=60, price_micros=777, buyer="consumer", provider="tinkerer", terms=SMALL),
        contract("never", minutes=60, price_micros=500, buyer="consumer"),
        contract("later", start=END - 30, minutes=90, price_micros=1_234, buyer="consumer"),
    )
    agent = Agent()
    early = [
        agent.report(START + minute, dict.fromkeys(("con1", "con2", "con3", "con4", "con5"), 59))
        for minute in range(50)
    ]
    long = [agent.report(START + minute, {"con1": 60}) for minute in range(50, 1_600)]
    over = [agent.report(END - 30 + minute, {"later": 60}) for minute in range(70)]
    metering.record(connection, NOW, early + long + over)


def close_busy_month(connection: Connection) -> None:
    """The month, closed; what had ended by then is completed."""
    open_busy_month(connection)
    completion.complete(connection, END + GRACE, CLOSED_AT, GRACE, 100)
    periods.close(connection, MONTH, END + GRACE, CLOSED_AT, GRACE)
