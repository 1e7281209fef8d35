"""The audit of a market: all its shards at one moment, and what holds across them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, func, select, text, union

from common.errors import NotFound
from market.tables import contract, journal, lease, orders, snapshot, trade
from matching.auditor.difference import Difference
from nestex.audit.shard import ShardAudit
from nestex.audit.tables import compare_strangers
from nestex.books import reserved_cash


@dataclass(slots=True)
class Outcome:
    """The first difference, or None, and how many rows of each table were compared until then."""

    difference: str | None = None
    compared: Counter[str] = field(default_factory=Counter)


Progress = Callable[[int, int], None]
"""Told after each block: commands audited so far, and commands in all."""


def audit(database: Engine, shard: str | None, progress: Progress) -> Outcome:
    """The outcome for one shard, or for all. Raises NotFound for a shard that has no journal."""
    with database.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        # A long history is thought about for longer than a transaction of the market may stand idle.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        return audit_moment(connection, shard, progress)


def audit_moment(connection: Connection, shard: str | None, progress: Progress) -> Outcome:
    """As `audit`, in the caller's transaction."""
    known = _shards(connection)
    if shard is not None and shard not in known:
        raise NotFound("not_found", f"there is no shard {shard}", field="shard")
    chosen = known if shard is None else [shard]
    total = _commands(connection, chosen)
    outcome = Outcome()
    done = 0

    def after_block(commands: int) -> None:
        nonlocal done
        done += commands
        progress(done, total)

    try:
        for name in chosen:
            outcome.compared += ShardAudit(connection, name).run(after_block)
        compare_strangers(connection)
    except Difference as difference:
        outcome.difference = str(difference)
    else:
        outcome.difference = reserved_cash(connection)
    return outcome


def _shards(connection: Connection) -> list[str]:
    """Shards that have a journal, and then everything else that a table names as one, so that its rows are told too."""
    known, named = (
        set(connection.execute(union(*(select(table.c.shard) for table in tables))).scalars())
        for tables in ((lease, journal), (snapshot, orders, trade, contract))
    )
    return [*sorted(known), *sorted(named - known)]


def _commands(connection: Connection, shards: list[str]) -> int:
    query = select(func.coalesce(func.sum(journal.c.commands), 0)).where(journal.c.shard.in_(shards))
    return int(connection.execute(query).scalar_one())
