"""The summary of a demo, for people."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from common.money import Money
from nestex.demo.result import DemoGuest, DemoResult


def show(console: Console, result: DemoResult, documents: list[dict[str, Any]], out: Path) -> None:
    """Figures, what went wrong and was survived, the guests, and the documents in the folder `out`."""
    console.print()
    console.print(_figures(result))
    survived = ", ".join(f"{fault['fault']} ({fault['target']})" for fault in result.faults)
    console.print(f"\nSurvived: {survived}; {result.asked_again} calls were asked again.")
    console.print(_guests(result.guests))
    table = _table(f"\nDocuments, in {out}", ("number", "kind", "for", "net", "vat", "total"), ("net", "vat", "total"))
    for document in documents:
        table.add_row(*(document[name] for name in ("number", "kind", "party", "net", "vat", "total")))
    console.print(table)


def _figures(result: DemoResult) -> Table:
    figures = Table(title="What happened", title_justify="left", show_header=False, box=None, pad_edge=False)
    figures.add_column(style="bold")
    figures.add_column(justify="right")
    rows = {
        "orders": result.orders,
        "trades": result.trades,
        **{f"contracts {state}": count for state, count in sorted(result.contracts.items())},
        "guests started": result.guests_started,
        "minutes billed": result.minutes_billed,
        "gross": Money(result.gross_micros),
        "the market's fees": Money(result.fee_micros),
        "books check": result.books_check,
        "audit": result.audit,
    }
    for name, value in rows.items():
        figures.add_row(name, str(value))
    return figures


def _guests(guests: list[DemoGuest]) -> Table:
    """Each guest with its address; where they are only played and have none, each node."""
    if not any(guest.endpoint for guest in guests):
        return _nodes(guests)
    table = _table("\nGuests", ("guest", "node", "address", "ready after"), ("ready after",))
    for guest in sorted(guests, key=lambda guest: (guest.node, guest.name)):
        table.add_row(guest.name, guest.node, guest.endpoint or "-", _seconds([guest]))
    return table


def _nodes(guests: list[DemoGuest]) -> Table:
    table = _table("\nGuests", ("node", "guests", "ready after, at most"), ("guests", "ready after, at most"))
    nodes: dict[str, list[DemoGuest]] = defaultdict(list)
    for guest in guests:
        nodes[guest.node].append(guest)
    for name, held in sorted(nodes.items()):
        table.add_row(name, str(len(held)), _seconds(held))
    return table


def _seconds(guests: list[DemoGuest]) -> str:
    """Of the slowest."""
    slowest = max((guest.ready_seconds for guest in guests if guest.ready_seconds is not None), default=None)
    return "-" if slowest is None else f"{slowest:.2f} s"


def _table(title: str, columns: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table
