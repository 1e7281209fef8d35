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
    """Makes a shard's snapshot when so many commands have come since the last one."""

    def __init__(self, database: Engine, every_commands: int) -> None:
        self.database = database
        self.every_commands = every_commands

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
                if row.next_sequence - snapshots.newest_sequence(connection, row.shard) >= self.every_commands
            ]
        for shard in due:
            with self.database.begin() as connection:
                built = rebuild(connection, shard, lambda: None)
                snapshots.write(connection, built.state, built.next_sequence)
            log.info("snapshot of %s at command %d, %d applied", shard, built.next_sequence, built.applied)
        return due
