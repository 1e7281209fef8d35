"""The result of a demo: figures from the market and its books, what is off in them, and how they are shown."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, func, select

from billing import ledger
from billing.tables import billable_contract
from billing.transfers import MARKET
from common.money import Money
from market.tables import contract, orders, trade
from nestex.books import first_difference


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Field by field what `--json` writes. Amounts `*_micros` are micro-units; `documents` have number, kind, total."""

    elapsed_seconds: float
    orders: int
    trades: int
    contracts: dict[str, int]
    guests_started: int
    minutes_billed: int
    gross_micros: int
    fee_micros: int
    documents: list[dict[str, str]]
    books_check: str

    def as_json(self) -> dict[str, Any]:
        """A JSON object."""
        return dataclasses.asdict(self)


def collect(database: Engine, documents: list[dict[str, Any]], elapsed_seconds: float) -> DemoResult:
    """The figures, from the tables, and the verdict of the books check."""
    verdict = first_difference(database) or "ok"
    with database.begin() as connection:
        return _figures(connection, documents, elapsed_seconds, verdict)


def faults(result: DemoResult, placed: int) -> list[str]:
    """Everything that is not as the story wants it, in sentences; empty when all is well."""
    contracts = sum(result.contracts.values())
    conditions = {
        f"the books: {result.books_check}": result.books_check == "ok",
        f"{result.orders} of {placed} orders are in the tables": result.orders == placed,
        f"{contracts} contracts are fewer than 6": contracts >= 6,
        f"not every contract was completed: {result.contracts}": result.contracts == {"completed": contracts},
        f"{result.guests_started} of {contracts} guests became ready": result.guests_started == contracts,
        "no minute was billed": result.minutes_billed > 0,
        "no fee was earned": result.fee_micros > 0,
        "there are no invoices": any(document["kind"] == "invoice" for document in result.documents),
        "there are no self-billed invoices": any(
            document["kind"] == "self_billed_invoice" for document in result.documents
        ),
    }
    return [sentence for sentence, holds in conditions.items() if not holds]


def show(console: Console, result: DemoResult, documents: list[dict[str, Any]], out: Path) -> None:
    """The summary for people."""
    figures = Table(title="What happened", title_justify="left", show_header=False, box=None, pad_edge=False)
    figures.add_column(style="bold")
    figures.add_column(justify="right")
    rows = {
        "orders": result.orders,
        "trades": result.trades,
        "contracts completed": result.contracts.get("completed", 0),
        "guests started": result.guests_started,
        "minutes billed": result.minutes_billed,
        "gross": Money(result.gross_micros),
        "the market's fees": Money(result.fee_micros),
        "books check": result.books_check,
    }
    for name, value in rows.items():
        figures.add_row(name, str(value))
    console.print()
    console.print(figures)
    table = Table(title=f"\nDocuments, in {out}", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in ("number", "kind", "for", "net", "vat", "total"):
        table.add_column(column, justify="right" if column in ("net", "vat", "total") else "left")
    for document in documents:
        table.add_row(*(document[name] for name in ("number", "kind", "party", "net", "vat", "total")))
    console.print(table)


def _figures(
    connection: Connection, documents: list[dict[str, Any]], elapsed_seconds: float, verdict: str
) -> DemoResult:
    states = connection.execute(select(contract.c.state, func.count()).group_by(contract.c.state))
    minutes = billable_contract.c.billed_minutes
    gross = minutes * billable_contract.c.slices * billable_contract.c.price_micros
    billed = connection.execute(select(func.sum(minutes), func.sum(gross))).one()
    return DemoResult(
        elapsed_seconds=round(elapsed_seconds, 1),
        orders=_count(connection, orders),
        trades=_count(connection, trade),
        contracts=dict(map(tuple, states)),
        guests_started=connection.execute(
            select(func.count()).where(contract.c.ready_at_micros.is_not(None))
        ).scalar_one(),
        minutes_billed=int(billed[0] or 0),
        gross_micros=int(billed[1] or 0),
        fee_micros=ledger.balances(connection, MARKET)["fees"],
        documents=[{name: document[name] for name in ("number", "kind", "total")} for document in documents],
        books_check=verdict,
    )


def _count(connection: Connection, table: Any) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count
