"""The audit of one shard: its journal from the first block on, and everything that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from common.errors import NestexError
from market.tables import journal, lease
from matching.auditor.auditor import Auditor
from matching.auditor.difference import Difference, require
from matching.auditor.facts import entry_facts
from matching.events import Event
from matching.journal import JournalBlock, JournalEntry, decode_block
from matching.shard import Shard
from nestex.audit.entries import check_entry
from nestex.audit.history import History
from nestex.audit.snapshots import Snapshots
from nestex.audit.tables import ShardTables

_BLOCKS_AT_ONCE = 20
PAGE_EVENTS = 2000
"""Events of the feed after which rows are looked up; each row has one or more."""


class ShardAudit:
    """One pass over a shard, in the transaction of the connection."""

    def __init__(self, connection: Connection, shard: str, *, page_events: int = PAGE_EVENTS) -> None:
        self.shard = shard
        self._page_events = page_events
        self._connection = connection
        self._auditor = Auditor(shard)
        self._book = Shard(shard)
        self._history = History(self._auditor)
        self._tables = ShardTables(connection, shard)
        self._snapshots = Snapshots(connection, shard)

    def run(self, after_block: Callable[[int], None]) -> Counter[str]:
        """How many rows were compared, by table. `after_block` learns how many commands it had. Raises Difference."""
        for row in self._blocks():
            block = self._block(row)
            for entry in block.entries:
                self._snapshots.compare(self._auditor, self._book, self._history.open)
                self._check(entry)
                if len(self._history.page.events) >= self._page_events:
                    self._tables.compare(self._history.turn())
            after_block(len(block.entries))
        self._finish()
        return self._tables.seen + Counter(commands=self._auditor.next_sequence - 1)

    def _blocks(self) -> Iterator[Any]:
        """Page by page, so that no statement stays open while rows are looked up."""
        columns = (journal.c.sequence, journal.c.commands, journal.c.at_micros, journal.c.block)
        query = select(*columns).where(journal.c.shard == self.shard).order_by(journal.c.sequence)
        last = None
        while rows := self._connection.execute(
            (query if last is None else query.where(journal.c.sequence > last)).limit(_BLOCKS_AT_ONCE)
        ).all():
            yield from rows
            last = rows[-1].sequence

    def _block(self, row: Any) -> JournalBlock:
        where = f"journal of {self.shard} at {row.sequence}"
        try:
            block = decode_block(bytes(row.block))
        except NestexError as error:
            raise Difference(f"{where} cannot be read: {error.message}") from error
        self._auditor.begin(block)
        require(row.sequence == block.first_sequence, f"{where} holds the block of {block.first_sequence}")
        commands, at_micros = len(block.entries), block.entries[-1].at_micros
        require(row.commands == commands, f"{where}: commands is {row.commands}, the block has {commands}")
        require(row.at_micros == at_micros, f"{where}: at_micros is {row.at_micros}, the block ends at {at_micros}")
        return block

    def _check(self, entry: JournalEntry) -> None:
        where = f"{self.shard} at {entry.sequence}"
        try:
            facts = entry_facts(entry)
            placements = check_entry(entry, facts)
            self._history.precede(entry, placements)
        except Difference as difference:
            raise Difference(f"{where}: {difference}") from difference
        events = self._by_the_book(entry, where)
        self._auditor.check(entry, facts, events)
        self._history.follow(entry, placements, events)

    def _by_the_book(self, entry: JournalEntry, where: str) -> list[Event]:
        try:
            events = self._book.apply(entry.command)
        except (NestexError, AssertionError) as error:
            raise Difference(f"{where}: the book refuses the command: {error}") from error
        self._book.forget()
        return events

    def _finish(self) -> None:
        """What stands when the journal has ended."""
        self._snapshots.compare(self._auditor, self._book, self._history.open)
        self._snapshots.compare_rest()
        self._auditor.check_all_pairs()
        self._check_lease()
        self._check_book()
        self._tables.compare(self._history.turn())
        self._tables.compare_orders(list(self._history.open.values()))
        self._tables.compare_totals(self._history.events)
        self._tables.compare_endings(self._history.endings)
        self._tables.compare_resales(self._history.resales.rows())

    def _check_lease(self) -> None:
        columns = (lease.c.next_sequence, lease.c.last_at_micros)
        row = self._connection.execute(select(*columns).where(lease.c.shard == self.shard)).one_or_none()
        if row is None:
            raise Difference(f"lease of {self.shard} is missing")
        ends, at_micros = self._auditor.next_sequence, self._auditor.last_at_micros
        require(row.next_sequence == ends, f"lease of {self.shard}: next_sequence is {row.next_sequence}, not {ends}")
        last = row.last_at_micros
        require(last == at_micros, f"lease of {self.shard}: last_at_micros is {last}, the journal ends at {at_micros}")

    def _check_book(self) -> None:
        """The book that an engine would hold now has the open orders that the auditor has, with the same left."""
        resting = {order["order"] for order in self._book.snapshot()["orders"]}
        require(resting == self._history.open.keys(), f"the book of {self.shard} holds {sorted(resting)}")
        for holding in self._auditor.twin.open:
            view = self._book.open_order(holding.entry.order)
            left = None if view is None else view.slice_minutes_left
            must = holding.slice_minutes_left
            require(left == must, f"{holding.entry.order} has {left} slice-minutes left on the book, not {must}")
