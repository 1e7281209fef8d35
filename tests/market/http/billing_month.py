"""A closed month between two participants of a running market, written straight to its books."""

from __future__ import annotations

from billing import metering, periods
from tests.billing.factories import END, GRACE, MONTH, NOW, START, Agent, contract, trade
from tests.market.factories import World
from tests.market.http.conftest import Http

ISSUED_MICROS = END * 60_000_000 + 301_500_000


def close_a_month(world: World, buyer: Http, provider: Http) -> None:
    """Two contracts at two prices, delivered for ten minutes of each of two days, and billed."""
    with world.begin() as connection:
        for number, price in enumerate((4_167, 3_333)):
            made = contract(
                f"con{number}",
                minutes=1_500,
                price_micros=price,
                bond_ppm=0,
                buyer=buyer.participant,
                provider=provider.participant,
            )
            trade(connection, made)
        agent = Agent()
        minutes = [*range(START, START + 10), *range(START + 1_440, START + 1_450)]
        metering.record(connection, NOW, [agent.report(minute, {"con0": 60, "con1": 60}) for minute in minutes])
        periods.close(connection, MONTH, END + GRACE, ISSUED_MICROS, GRACE)
