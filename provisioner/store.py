"""The agent's memory: one SQLite file with desired state, guests, and what the market has not confirmed yet.

Everything here runs in the store's own thread (`provisioner.blocking`). Rules are elsewhere; this module only keeps
rows. A transaction that has ended is on disk, whatever happens to the power.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import codec
from common.errors import Unavailable
from common.wire import Allocation, FieldAnswer
from provisioner.guest import GuestRecord, Obeyed, Uptime
from provisioner.hypervisor.port import Counters

SCHEMA_VERSION = 4
_NEWEST_STATUS = """
CREATE TABLE newest_status (contract TEXT PRIMARY KEY, payload BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
_SCHEMA = f"""
CREATE TABLE guest (
    contract TEXT PRIMARY KEY,
    allocation BLOB NOT NULL,
    next_minute INTEGER NOT NULL,
    state TEXT NOT NULL,
    instance TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    carry_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    cpu_ns INTEGER NOT NULL,
    memory_kib INTEGER NOT NULL,
    disk_bytes INTEGER NOT NULL,
    network_bytes INTEGER NOT NULL,
    applied INTEGER NOT NULL DEFAULT 0,
    answers TEXT NOT NULL DEFAULT '[]',
    halted INTEGER NOT NULL DEFAULT 0,
    starts INTEGER NOT NULL DEFAULT 0,
    restarts INTEGER NOT NULL DEFAULT 0,
    reverts INTEGER NOT NULL DEFAULT 0,
    volume_gib INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE uptime (
    contract TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    instance TEXT NOT NULL,
    PRIMARY KEY (contract, from_ms)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_report (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
CREATE TABLE status_report (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL) STRICT;
{_NEWEST_STATUS}
CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_PUT_GUEST = "INSERT OR REPLACE INTO guest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGES = {
    # What files of schema 1 lack; what they held is whole, for no guest could be changed.
    1: "".join(
        f"ALTER TABLE guest ADD COLUMN {column};"
        for column in (
            "applied INTEGER NOT NULL DEFAULT 0",
            "answers TEXT NOT NULL DEFAULT '[]'",
            *(f"{name} INTEGER NOT NULL DEFAULT 0" for name in ("halted", "starts", "restarts", "reverts")),
        )
    ),
    2: _NEWEST_STATUS,
    3: "ALTER TABLE guest ADD COLUMN volume_gib INTEGER NOT NULL DEFAULT 0;",
}
"""From each schema to the next."""


class Store:
    """The file at `path`, made where it is missing. It belongs to one node."""

    def __init__(self, path: Path, node: str) -> None:
        self.node = node
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._prepare(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside, or none. Inside another transaction it is part of that one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise

    # Guests

    def guest(self, contract: str) -> GuestRecord | None:
        """What is known of the contract."""
        row = self._connection.execute("SELECT * FROM guest WHERE contract = ?", (contract,)).fetchone()
        return None if row is None else _record(row)

    def guests(self) -> dict[str, GuestRecord]:
        """All contracts, by id."""
        return {row[0]: _record(row) for row in self._connection.execute("SELECT * FROM guest ORDER BY contract")}

    def put_guest(self, record: GuestRecord) -> None:
        """Insert or replace."""
        self._connection.execute(_PUT_GUEST, _row(record))

    def drop_guest(self, contract: str) -> None:
        """Forget the contract."""
        self._connection.execute("DELETE FROM guest WHERE contract = ?", (contract,))
        self._connection.execute("DELETE FROM uptime WHERE contract = ?", (contract,))
        self._connection.execute("DELETE FROM newest_status WHERE contract = ?", (contract,))

    # Uptimes

    def uptimes(self, contract: str) -> list[Uptime]:
        """Those that no report has used up, in order."""
        rows = self._connection.execute(
            "SELECT instance, from_ms, to_ms FROM uptime WHERE contract = ? ORDER BY from_ms", (contract,)
        )
        return [Uptime(*row) for row in rows]

    def open_uptime(self, contract: str, uptime: Uptime) -> None:
        """Begin an uptime, or go on with the one that begins at the same instant."""
        self._connection.execute(
            "INSERT INTO uptime VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET to_ms = max(to_ms, excluded.to_ms), instance = excluded.instance",
            (contract, uptime.from_ms, uptime.to_ms, uptime.instance),
        )

    def drop_uptimes(self, contract: str, before_ms: int) -> None:
        """Forget those that ended before an instant."""
        self._connection.execute("DELETE FROM uptime WHERE contract = ? AND to_ms < ?", (contract, before_ms))

    # Reports

    def add_usage(self, sequence: int, payload: bytes) -> None:
        """A usage report, to be kept until the market has committed it."""
        self._connection.execute("INSERT INTO usage_report VALUES (?, ?)", (sequence, payload))

    def usage_from(self, sequence: int, limit: int) -> list[tuple[int, bytes]]:
        """Kept usage reports from a sequence number on, in order."""
        return self._connection.execute(
            "SELECT sequence, payload FROM usage_report WHERE sequence >= ? ORDER BY sequence LIMIT ?",
            (sequence, limit),
        ).fetchall()

    def drop_usage(self, sequence: int) -> None:
        """Forget usage reports up to and with a sequence number."""
        self._connection.execute("DELETE FROM usage_report WHERE sequence <= ?", (sequence,))

    def add_status(self, contract: str, payload: bytes) -> None:
        """A contract's newest status message, to be kept until the bus has it, and then until there is a newer one."""
        self._connection.execute("INSERT INTO status_report (payload) VALUES (?)", (payload,))
        self._connection.execute("INSERT OR REPLACE INTO newest_status VALUES (?, ?)", (contract, payload))

    def newest_statuses(self) -> dict[str, bytes]:
        """The newest status message of each contract that is known."""
        return dict(self._connection.execute("SELECT contract, payload FROM newest_status ORDER BY contract"))

    def statuses(self, limit: int) -> list[tuple[int, bytes]]:
        """Kept status messages in the order in which they were added."""
        return self._connection.execute(
            "SELECT id, payload FROM status_report ORDER BY id LIMIT ?", (limit,)
        ).fetchall()

    def drop_statuses(self, last: int) -> None:
        """Forget status messages up to and with an id."""
        self._connection.execute("DELETE FROM status_report WHERE id <= ?", (last,))

    # Numbers

    def number(self, name: str) -> int | None:
        """A number that outlives the process; None until it is set."""
        row = self._connection.execute("SELECT value FROM number WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def set_number(self, name: str, value: int) -> None:
        """Set it."""
        self._connection.execute("INSERT OR REPLACE INTO number VALUES (?, ?)", (name, value))

    def _prepare(self, path: Path) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        if version != 0 and version not in _CHANGES:
            raise Unavailable("stack_failed", f"{path} has schema {version}, this agent knows {SCHEMA_VERSION}")
        changes = "".join(_CHANGES[each] for each in range(version, SCHEMA_VERSION)) if version else _SCHEMA
        self._connection.executescript(f"BEGIN; {changes} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _record(row: Any) -> GuestRecord:
    _contract, allocation, next_minute, state, instance, epoch, carry_ms, closed_ms, *others = row
    counters, (applied, answers, halted, *obeyed, volume_gib) = others[:4], others[4:]
    return GuestRecord(
        allocation=codec.decode(Allocation, allocation),
        next_minute=next_minute,
        state=state,
        instance=instance,
        epoch=epoch,
        carry_ms=carry_ms,
        closed_ms=closed_ms,
        counters=Counters(*(*counters, volume_gib)),
        applied=applied,
        answers=tuple(codec.from_json(FieldAnswer, answer, lenient=True) for answer in json.loads(answers)),
        halted=bool(halted),
        obeyed=Obeyed(*obeyed),
    )


def _row(record: GuestRecord) -> tuple[object, ...]:
    counters = record.counters
    return (
        record.contract,
        codec.encode(record.allocation),
        record.next_minute,
        record.state,
        record.instance,
        record.epoch,
        record.carry_ms,
        record.closed_ms,
        counters.cpu_ns,
        counters.memory_kib,
        counters.disk_bytes,
        counters.network_bytes,
        record.applied,
        codec.compact(codec.to_json(record.answers)),
        int(record.halted),
        record.obeyed.starts,
        record.obeyed.restarts,
        record.obeyed.reverts,
        counters.volume_gib,
    )
