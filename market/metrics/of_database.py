"""Figures of the database: books, orders, contracts, settlement, nodes, messages that wait. Each is a small or partial
index, or a count that PostgreSQL keeps anyway, so that a scrape costs milliseconds however old the market is."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select, text

from billing.contracts import FAILING, OPEN
from billing.tables import billable_contract, books_check, ledger_seal, ledger_transfer
from common.minutes import MICROS_PER_MINUTE, SECONDS_PER_MINUTE
from market.contract_states import CONTRACT_STATES
from market.metrics.figures import Figure, Values, single
from market.tables import contract, lease, node, orders
from runtime.tables import outbox

_LIVE = [state for state in CONTRACT_STATES.rows if not CONTRACT_STATES.is_terminal(state)]
_WRITTEN = {
    "orders": "orders",
    "trade": "trades",
    "contract": "contracts",
    "usage_minute": "usage_minutes",
    "ledger_transfer": "ledger_transfers",
    "document": "documents",
}
"""Tables, and what their rows are called in a figure."""
_INSERTED = text("SELECT relname, n_tup_ins FROM pg_stat_user_tables WHERE relname = ANY(CAST(:tables AS text[]))")
_BEHIND = text("""
    SELECT max(:minute - 1 - reported.minute) AS minutes
    FROM (
        SELECT DISTINCT node_id FROM contract WHERE state IN ('running', 'stopped') AND start_minute < :minute
    ) AS busy
    JOIN (SELECT node_id, max(minute) AS minute FROM usage_watermark GROUP BY node_id) AS reported USING (node_id)
""")


def figures_of_database(connection: Connection, at_micros: int) -> Iterator[Figure]:
    """All of them, at this market time."""
    yield from _books(connection, at_micros)
    yield from _trading(connection)
    yield from _settlement(connection, at_micros // MICROS_PER_MINUTE)
    yield from _messages(connection)


def _books(connection: Connection, at_micros: int) -> Iterator[Figure]:
    newest = connection.execute(select(books_check).order_by(books_check.c.day.desc()).limit(1)).one_or_none()
    if newest is None:
        return
    wrong: Values = {(rule,): float(count) for rule, count in newest.differences.items()}
    yield single("books_ok", "1 if the newest nightly check of the books found no difference.", not any(wrong.values()))
    yield single(
        "books_check_age_seconds",
        "Market time since the newest nightly check of the books.",
        (at_micros - newest.at_micros) / 1_000_000,
    )
    yield Figure("books_differences", "gauge", "Differences that it found, by rule.", ("rule",), wrong)
    sealed = select(func.coalesce(func.max(ledger_seal.c.last_transfer_id), 0)).scalar_subquery()
    unsealed = select(func.count()).select_from(ledger_transfer).where(ledger_transfer.c.id > sealed)
    waiting = connection.execute(unsealed).scalar_one()
    yield single("ledger_unsealed_transfers", "Transfers that no seal of the ledger covers yet.", waiting)


def _trading(connection: Connection) -> Iterator[Figure]:
    inserted = {row.relname: row.n_tup_ins for row in connection.execute(_INSERTED, {"tables": list(_WRITTEN)})}
    for table, called in _WRITTEN.items():
        says = f"Rows written to {table} since PostgreSQL's statistics began, taken back ones included."
        yield single(called, says, inserted.get(table, 0), "counter")
    commands: Values = {(row.shard,): float(row.next_sequence - 1) for row in connection.execute(select(lease))}
    yield Figure("engine_commands", "counter", "Commands in the journal of each zone.", ("zone",), commands)
    key = orders.c.instrument, orders.c.side
    resting = select(*key, func.count()).where(orders.c.state.in_(("new", "partially_filled"))).group_by(*key)
    rows: Values = {(row[0], row[1]): float(row[2]) for row in connection.execute(resting)}
    yield Figure("open_orders", "gauge", "Orders on the books.", ("instrument", "side"), rows)
    live = select(contract.c.state, func.count()).where(contract.c.state.in_(_LIVE)).group_by(contract.c.state)
    states: Values = {(state,): 0.0 for state in _LIVE}
    states |= {(row[0],): float(row[1]) for row in connection.execute(live)}
    yield Figure("live_contracts", "gauge", "Contracts that have not ended, by state.", ("state",), states)
    nodes = connection.execute(select(node.c.state, func.count()).group_by(node.c.state))
    by_state: Values = {(row[0],): float(row[1]) for row in nodes}
    yield Figure("nodes", "gauge", "Nodes, by state.", ("state",), by_state)


def _settlement(connection: Connection, minute: int) -> Iterator[Figure]:
    billed = billable_contract.c
    unsettled = billed.delivered_seconds >= (billed.billed_minutes + 1) * SECONDS_PER_MINUTE
    over = (billed.state == OPEN) & (func.coalesce(billed.ended_minute, billed.end_minute) <= minute)
    for name, says, which in (
        ("unsettled_contracts", "Contracts with metered minutes that are not settled yet.", unsettled),
        ("uncompleted_contracts", "Contracts that are over and not closed in the books yet.", over),
        ("failing_contracts", "Failed contracts that no engine has ended yet.", (billed.state == OPEN) & FAILING),
    ):
        query = select(func.count()).select_from(billable_contract).where(which)
        yield single(name, says, connection.execute(query).scalar_one())
    behind = connection.execute(_BEHIND, {"minute": minute}).scalar_one()
    if behind is not None:
        says = "Market time by which the slowest node with running guests is behind with its usage reports."
        yield single("usage_behind_seconds", says, max(0, int(behind)) * SECONDS_PER_MINUTE)


def _messages(connection: Connection) -> Iterator[Figure]:
    age = func.extract("epoch", func.now() - func.min(outbox.c.created_at))
    query = select(func.count(), func.coalesce(age, 0)).where(outbox.c.published_at.is_(None))
    waiting, seconds = connection.execute(query).one()
    yield single("outbox_waiting", "Messages that the relay has not published yet.", waiting)
    yield single("outbox_oldest_seconds", "Real time for which the oldest of them has waited.", float(seconds))
