"""What came of the story's special turns: what sold by itself, and what was taken back or bought again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from billing.tables import billable_contract
from market.reseller import results
from market.tables import contract, node, reseller, reseller_span


@dataclass(frozen=True, slots=True)
class Reselling:
    """What a node sold by itself: so many contracts, what they earned after the market's fee, and what the reservation
    cost meanwhile, in micro-units. Shares are parts per million; utilisation is that without its sales, and with."""

    node: str
    contracts: int
    earned_micros: int
    cost_micros: int
    won_back_ppm: int | None
    utilisation_before_ppm: int | None
    utilisation_after_ppm: int | None


@dataclass(frozen=True, slots=True)
class Reclaim:
    """A spot contract that its provider took back, and what its buyer got for that."""

    contract: str
    guest: str
    compensation_micros: int


@dataclass(frozen=True, slots=True)
class Replacing:
    """A contract that failed, with the one that was bought for the rest of it, where there was one."""

    contract: str
    guest: str
    replaced_by: str | None
    compensation_micros: int


@dataclass(frozen=True, slots=True)
class Resale:
    """The rest of a contract, so many minutes, that its buyer sold on. Prices are micro-units per slice-minute: what
    the buyer pays itself, and what it gets."""

    contract: str
    guest: str
    part: str
    new_guest: str
    minutes: int
    paid_micros: int
    price_micros: int


def reselling(connection: Connection) -> Reselling:
    """Of the one node that sells by itself."""
    query = select(node.c.id, node.c.name, node.c.participant_id, reseller_span.c.until_minute)
    of_it = query.join(reseller, reseller.c.node_id == node.c.id).join(
        reseller_span, reseller_span.c.node_id == node.c.id
    )
    row = connection.execute(of_it).one()
    found = results.result(connection, row.participant_id, row.id, row.until_minute)
    return Reselling(
        node=row.name,
        contracts=found.contracts,
        earned_micros=found.earned_micros,
        cost_micros=found.cost_micros,
        won_back_ppm=found.won_back_ppm,
        utilisation_before_ppm=found.utilisation_before_ppm,
        utilisation_after_ppm=found.utilisation_after_ppm,
    )


def reclaims(connection: Connection) -> list[Reclaim]:
    """All of them."""
    rows = connection.execute(_ENDED.where(contract.c.state == "reclaimed"))
    return [Reclaim(row.id, row.guest["name"], row.compensation_micros) for row in rows]


def replacements(connection: Connection) -> list[Replacing]:
    """Of all contracts that failed."""
    rows = connection.execute(_ENDED.where(contract.c.state == "failed"))
    return [Replacing(row.id, row.guest["name"], row.replaced_by, row.compensation_micros) for row in rows]


def resales(connection: Connection) -> list[Resale]:
    """All of them."""
    whole = contract.alias("whole")
    query = select(contract, whole.c.guest.label("first_guest"), whole.c.price_micros.label("paid_micros"))
    joined = query.join(whole, whole.c.id == contract.c.resold_from).order_by(contract.c.id)
    return [
        Resale(
            contract=row.resold_from,
            guest=row.first_guest["name"],
            part=row.id,
            new_guest=row.guest["name"],
            minutes=row.end_minute - row.start_minute,
            paid_micros=row.paid_micros,
            price_micros=row.price_micros,
        )
        for row in connection.execute(joined)
    ]


_ENDED = (
    select(contract.c.id, contract.c.guest, contract.c.replaced_by, billable_contract.c.compensation_micros)
    .join(billable_contract, billable_contract.c.contract_id == contract.c.id)
    .order_by(contract.c.id)
)
