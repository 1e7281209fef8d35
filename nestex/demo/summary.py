"""The summary of a demo, for people."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from common.money import Money
from common.price import Price
from nestex.demo.result import DemoGuest, DemoResult


def show(console: Console, result: DemoResult, documents: list[dict[str, Any]], out: Path) -> None:
    """Figures, what went wrong and was survived, the guests, and the documents in the folder `out`."""
    console.print()
    console.print(_figures(result))
    survived = ", ".join(f"{fault['fault']} ({fault['target']})" for fault in result.faults)
    console.print(f"\nSurvived: {survived}; {result.asked_again} calls were asked again.")
    for sentence in told(result):
        console.print(f"- {sentence}", soft_wrap=True)
    console.print(_guests(result.guests))
    table = _table(f"\nDocuments, in {out}", ("number", "kind", "for", "net", "vat", "total"), ("net", "vat", "total"))
    for document in documents:
        table.add_row(*(document[name] for name in ("number", "kind", "party", "net", "vat", "total")))
    console.print(table)


def told(result: DemoResult) -> list[str]:
    """What a market makes of idle slices, in words."""
    sold, contracts = result.reseller, sum(result.contracts.values())
    before, after = _percent(sold.utilisation_before_ppm), _percent(sold.utilisation_after_ppm)
    sentences = [
        f"{sold.node} sold {sold.contracts} of {contracts} contracts by itself, without anybody at a keyboard. The VM"
        f" cost {Money(sold.cost_micros)} in that time, and {Money(sold.earned_micros)} of it came back after the"
        f" market's fee: {_percent(sold.won_back_ppm)}. Without these sales {before} of it was in"
        f" use, and with them {after}."
    ]
    sentences += [
        f"{each.guest} was needed no longer, so its buyer sold the last {each.minutes} minutes on to {each.new_guest},"
        f" at {Price(each.price_micros).hourly()} an hour: so much came back of the"
        f" {Price(each.paid_micros).hourly()} that it pays itself. It was a consumer before, and became a provider with"
        " one form."
        for each in result.resales
    ]
    sentences += [
        f"{each.guest} was cheap because its provider may take it back, and it did, with two minutes' notice: its buyer"
        f" got {Money(each.compensation_micros)} for that, and did not pay what it could not use."
        for each in result.reclaims
    ]
    sentences += [
        f"{each.guest} was not delivered, because its node had shrunk. Its buyer got the money back, and in the same"
        " moment the same time was bought again from somebody else. Had that been dearer, the pledge of who failed"
        " would have paid the difference."
        for each in result.replacements
        if each.replaced_by is not None
    ]
    return sentences


def _figures(result: DemoResult) -> Table:
    figures = Table(title="What happened", title_justify="left", show_header=False, box=None, pad_edge=False)
    figures.add_column(style="bold")
    figures.add_column(justify="right")
    rows = {
        "orders": result.orders,
        "orders that made themselves": result.orders_by_itself,
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


def _percent(share_ppm: int | None) -> str:
    return "-" if share_ppm is None else f"{share_ppm / 10_000:.1f} %"


def _table(title: str, columns: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table
