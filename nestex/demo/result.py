"""The result of a demo: figures from the market and its books, and what is off in them. `summary` shows it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select

from billing import ledger
from billing.tables import billable_contract
from billing.transfers import MARKET
from market.reseller.decide import CLIENT_ID
from market.tables import contract, node, orders, trade
from nestex.audit.market import audit
from nestex.books import first_difference
from nestex.demo.outcomes import Reclaim, Replacing, Resale, Reselling, reclaims, replacements, resales, reselling

_MICROS_PER_MINUTE = 60_000_000
FEWEST_CONTRACTS = 20


@dataclass(frozen=True, slots=True)
class DemoGuest:
    """A contract's guest. `ready_seconds` is the real time from the trade, or from the window's start where that is
    later, until it was ready; None where it never was. `endpoint` is an address with a port, where there is one."""

    contract: str
    name: str
    node: str
    state: str
    endpoint: str | None
    ready_seconds: float | None


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Field by field what `--json` writes. Amounts `*_micros` are micro-units; `documents` have number, kind, total;
    `orders` are those that somebody placed, `orders_by_itself` those that resellers and replacements made of them;
    `faults` are those that were made on purpose, and `asked_again` counts the calls that met one of them; `audit` and
    `books_check` are "ok" or the first difference."""

    elapsed_seconds: float
    orders: int
    orders_by_itself: int
    trades: int
    contracts: dict[str, int]
    guests_started: int
    minutes_billed: int
    gross_micros: int
    fee_micros: int
    documents: list[dict[str, str]]
    books_check: str
    audit: str
    faults: list[dict[str, str]]
    asked_again: int
    guests: list[DemoGuest]
    reseller: Reselling
    resales: list[Resale]
    reclaims: list[Reclaim]
    replacements: list[Replacing]

    def as_json(self) -> dict[str, Any]:
        """A JSON object."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Played:
    """What the story itself knows: how many orders were placed, which faults were made, and what came to whom."""

    orders: int
    asked_again: int
    faults: list[dict[str, str]]
    documents: list[dict[str, Any]]


def collect(database: Engine, played: Played, elapsed_seconds: float, speed: int) -> DemoResult:
    """The figures, from the tables, and the verdicts of the books check and the audit. The market ran at `speed`."""
    verdict = first_difference(database) or "ok"
    audited = audit(database, None, lambda done, total: None).difference or "ok"
    with database.begin() as connection:
        states = connection.execute(select(contract.c.state, func.count()).group_by(contract.c.state))
        guests = _guests(connection, speed)
        minutes, gross = _billed(connection)
        by_itself = _by_itself(connection)
        return DemoResult(
            elapsed_seconds=round(elapsed_seconds, 1),
            orders=_count(connection, orders) - by_itself,
            orders_by_itself=by_itself,
            trades=_count(connection, trade),
            contracts=dict(map(tuple, states)),
            guests_started=sum(guest.ready_seconds is not None for guest in guests),
            minutes_billed=minutes,
            gross_micros=gross,
            fee_micros=ledger.balances(connection, MARKET)["fees"],
            documents=[{name: row[name] for name in ("number", "kind", "total")} for row in played.documents],
            books_check=verdict,
            audit=audited,
            faults=played.faults,
            asked_again=played.asked_again,
            guests=guests,
            reseller=reselling(connection),
            resales=resales(connection),
            reclaims=reclaims(connection),
            replacements=replacements(connection),
        )


def off(result: DemoResult, placed: int) -> list[str]:
    """Everything that is not as the story wants it, in sentences; empty when all is well."""
    contracts, failed = sum(result.contracts.values()), result.contracts.get("failed", 0)
    ended = {state: result.contracts.get(state, 0) for state in ("completed", "released", "failed", "reclaimed")}
    kinds = {document["kind"] for document in result.documents}
    conditions = {
        f"the books: {result.books_check}": result.books_check == "ok",
        f"the audit: {result.audit}": result.audit == "ok",
        f"{result.orders} of {placed} orders are in the tables": result.orders == placed,
        f"{contracts} contracts are fewer than {FEWEST_CONTRACTS}": contracts >= FEWEST_CONTRACTS,
        f"not every contract has ended as the story has it: {result.contracts}": sum(ended.values()) == contracts
        and (ended["released"], failed, ended["reclaimed"]) == (1, 1, 1),
        f"{result.guests_started} of {contracts - failed} guests became ready": result.guests_started
        == contracts - failed,
        "no minute was billed": result.minutes_billed > 0,
        "no fee was earned": result.fee_micros > 0,
        **_of_turns(result, contracts),
        "there are no invoices": "invoice" in kinds,
        "there are no self-billed invoices": "self_billed_invoice" in kinds,
    }
    return [sentence for sentence, holds in conditions.items() if not holds]


def _of_turns(result: DemoResult, contracts: int) -> dict[str, bool]:
    """The same of what sold by itself, was taken back, or bought again."""
    sold, paid = result.reseller, [each.compensation_micros > 0 for each in result.reclaims]
    bought = [each.replaced_by is not None for each in result.replacements]
    more = (sold.utilisation_after_ppm or 0) - (sold.utilisation_before_ppm or 0)
    return {
        f"{sold.node} sold {sold.contracts} of {contracts} contracts by itself, not most of them": (
            2 * sold.contracts > contracts
        ),
        f"what {sold.node} sold by itself has earned nothing": sold.earned_micros > 0,
        f"{sold.node} is used no more for what it sold by itself": more > 0,
        f"the rest of one contract was sold on, not {len(result.resales)}": len(result.resales) == 1,
        f"of one contract that was taken back its buyer got something, not of {paid}": paid == [True],
        f"the one contract that failed was bought again, not {bought}": bought == [True],
    }


def _guests(connection: Connection, speed: int) -> list[DemoGuest]:
    query = select(contract, node.c.name.label("node_name")).join(node, node.c.id == contract.c.node_id)
    guests = []
    for row in connection.execute(query.order_by(contract.c.id)):
        due = max(row.created_at_micros, row.start_minute * _MICROS_PER_MINUTE)
        guests.append(
            DemoGuest(
                contract=row.id,
                name=row.guest["name"],
                node=row.node_name,
                state=row.state,
                endpoint=next((f"{place['address']}:{place['port']}" for place in row.endpoints), None),
                ready_seconds=row.ready_at_micros and round(max(0, row.ready_at_micros - due) / speed / 1e6, 3),
            )
        )
    return guests


def _by_itself(connection: Connection) -> int:
    """Orders that nobody placed."""
    made = or_(orders.c.client_order_id.startswith(f"{CLIENT_ID}-"), orders.c.replaces.is_not(None))
    count: int = connection.execute(select(func.count()).select_from(orders).where(made)).scalar_one()
    return count


def _billed(connection: Connection) -> tuple[int, int]:
    minutes = billable_contract.c.billed_minutes
    gross = minutes * billable_contract.c.slices * billable_contract.c.price_micros
    billed = connection.execute(select(func.sum(minutes), func.sum(gross))).one()
    return int(billed[0] or 0), int(billed[1] or 0)


def _count(connection: Connection, table: Any) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count
