"""Contracts that share a guest, for the eventful month: the rest of one is sold on twice, another guest is made larger,
and either may end early. Volumes stand beside them, and what was bought again where a guest had failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from billing import deliveries, endings
from billing.contracts import NewContract
from billing.deliveries import Delivery
from tests.billing.busy_month import REVERSE, SMALL
from tests.billing.factories import AT, START, TERMS, Agent, contract, deliver, trade

SOLD, SOLD_AGAIN, CHAIN_END = START + 50, START + 90, START + 200
LARGER, SMALLER, GUEST_END = START + 60, START + 200, START + 400
AGAIN = START + 111
CHAINS = {"kept": START + 180, "taken-back": START + 150, "broken": START + 130}
"""Each a contract that was sold on from `SOLD` on, and again from `SOLD_AGAIN` on, and until when it was delivered."""
VOLUMES = ("disk", "small-disk")
_ABROAD = replace(TERMS, provider_vat_ppm=0, provider_vat_category="AE")
_BLOCK: dict[str, Any] = {"kind": "volume", "instrument": "fra1.block.firm"}


def share_guests(connection: Connection, agent: Agent) -> None:
    """They are bought, delivered and ended; those that end with their windows are left to completion."""
    _buy(connection)
    for name, until in CHAINS.items():
        deliver(connection, agent, name, START, [60] * (SOLD - START))
        deliver(connection, agent, f"{name}-part", SOLD, [60] * (SOLD_AGAIN - SOLD))
        deliver(connection, agent, f"{name}-rest", SOLD_AGAIN, [60, 31] * ((until - SOLD_AGAIN) // 2))
    deliver(connection, agent, "guest", START, [60] * (SMALLER - START))
    endings.release(connection, "larger", SMALLER, AT)
    deliveries.end_of(connection, "larger", SMALLER)
    deliver(connection, agent, "guest", SMALLER, [59] * (GUEST_END - SMALLER))
    for name in VOLUMES:
        deliver(connection, agent, name, START, [60] * 61)
    deliver(connection, agent, "instead", AGAIN, [60] * 200)
    _end(connection)


def _buy(connection: Connection) -> None:
    for name in CHAINS:
        trade(connection, *_chain(name))
        links = (
            Delivery(name, f"{name}-part", SOLD, CHAIN_END),
            Delivery(f"{name}-part", f"{name}-rest", SOLD_AGAIN, CHAIN_END),
        )
        deliveries.deliver(connection, links)
    grown = {"larger": LARGER, "largest": LARGER + 60}
    trade(
        connection,
        contract("guest", minutes=400, price_micros=1_117, slices=1, terms=REVERSE),
        *(
            contract(
                name, start=start, minutes=GUEST_END - start, price_micros=1_303 + start % 7, slices=3, terms=REVERSE
            )
            for name, start in grown.items()
        ),
        contract("disk", minutes=500, price_micros=17, slices=10, terms=REVERSE, **_BLOCK),
        contract(
            "small-disk", minutes=70, price_micros=23, buyer="consumer", provider="tinkerer", terms=SMALL, **_BLOCK
        ),
        contract("instead", start=AGAIN, minutes=289, price_micros=1_601, provider="tinkerer", terms=REVERSE),
    )
    deliveries.deliver(connection, [Delivery(name, "guest", start, GUEST_END) for name, start in grown.items()])


def _chain(name: str) -> tuple[NewContract, ...]:
    """Sellers of a rest give no bond; the first of them is a company abroad, the other one has no VAT number."""
    part, rest = f"{name}-part", f"{name}-rest"
    return (
        contract(name, minutes=CHAIN_END - START, price_micros=811, terms=REVERSE),
        contract(
            part,
            start=SOLD,
            minutes=CHAIN_END - SOLD,
            price_micros=907,
            bond_ppm=0,
            buyer="tinkerer",
            provider="buyer",
            terms=_ABROAD,
        ),
        contract(
            rest,
            start=SOLD_AGAIN,
            minutes=CHAIN_END - SOLD_AGAIN,
            price_micros=703,
            bond_ppm=0,
            buyer="consumer",
            provider="tinkerer",
            terms=SMALL,
        ),
    )


def _end(connection: Connection) -> None:
    """The provider takes one chain back, and fails in another one: its bond pays all who hold them."""
    back, broken = CHAINS["taken-back"], CHAINS["broken"]
    endings.reclaim(connection, "taken-back", back, AT, holders=[("tinkerer", SOLD), ("consumer", SOLD_AGAIN)])
    endings.fail(connection, "broken", broken, 1_000, AT, holders=[("consumer", 3_001), ("tinkerer", 2_003)])
    for link in ("part", "rest"):
        endings.reclaim(connection, f"taken-back-{link}", back, AT)
        endings.fail(connection, f"broken-{link}", broken, 0, AT)
