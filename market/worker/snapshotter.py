"""Snapshots of every shard's memory, made out of the journal while the engines trade on: an engine that starts then has
only the newest commands to apply."""

from __future__ import annotations

import logging

from sqlalchemy import Engine, select

from market.engine import snapshots
from market.engine.recovery import rebuild
from market.tables import lease
from market.worker.turns import take_turns_in_thread

log = logging.getLogger("nestex.worker")

_LOOK_SECONDS = 5.0


class Snapshotter:
    """Makes a shard's snapshot when so many commands have come since the last one, and as many as orders are open: it
    costs by the open order, and so never more by the command, however many rest."""

    def __init__(self, database: Engine, every_commands: int) -> None:
        self.database = database
        self.every_commands = every_commands
        self._open_orders: dict[str, int] = {}
        """Of each shard, when its last snapshot was made here."""

    async def run(self) -> None:
        """Until cancelled."""
        await take_turns_in_thread(self.snapshot_once, _LOOK_SECONDS, "a snapshot")

    def snapshot_once(self) -> list[str]:
        """Make the snapshots that are due; their shards."""
        with self.database.begin() as connection:
            journals = connection.execute(select(lease.c.shard, lease.c.next_sequence)).all()
            due = [
                row.shard
                for row in journals
                if row.next_sequence - snapshots.newest_sequence(connection, row.shard) >= self._commands_of(row.shard)
            ]
        for shard in due:
            with self.database.begin() as connection:
                built = rebuild(connection, shard, lambda: None)
                snapshots.write(connection, built.state, built.next_sequence)
            self._open_orders[shard] = len(built.state.open)
            log.info("snapshot of %s at command %d, %d applied", shard, built.next_sequence, built.applied)
        return due

    def _commands_of(self, shard: str) -> int:
        """After so many commands its next snapshot is due."""
        return max(self.every_commands, self._open_orders.get(shard, 0))
