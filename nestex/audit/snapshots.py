"""Snapshots beside the journal: what an engine would begin with must be what the journal makes at that place."""

from __future__ import annotations

from sqlalchemy import Connection, select

from common import codec
from market.engine import snapshots
from market.engine.records import AskRecord
from market.tables import orders, snapshot
from matching.auditor.auditor import Auditor
from matching.auditor.difference import Difference, require
from matching.shard import Shard
from nestex.audit.comparison import compare_rows
from nestex.audit.orders import Row


class Snapshots:
    """The snapshots of a shard that still wait for their place in the journal."""

    def __init__(self, connection: Connection, shard: str) -> None:
        self._shard = shard
        rows = connection.execute(select(snapshot).where(snapshot.c.shard == shard))
        self._waiting = {row.next_sequence: row for row in rows}

    def compare(self, auditor: Auditor, book: Shard, open_rows: dict[str, Row]) -> None:
        """Raises Difference when the snapshot that was taken here, if one was, is not what stands here."""
        row = self._waiting.pop(auditor.next_sequence, None)
        if row is None:
            return
        where = f"snapshot of {auditor.shard} at {auditor.next_sequence}"
        try:
            state = snapshots.decode(auditor.shard, bytes(row.state))
        except Exception as error:
            # Whatever a damaged snapshot makes of the reader: it is told, and the engine leaves it aside.
            raise Difference(f"{where} cannot be read: {error!r}") from error
        hashes = {"state_sha256": row.state_sha256, "its own state": state.shard.state_hash()}
        for name, found in hashes.items():
            require(found == book.state_hash(), f"{where}: {name} has the hash {found}, the book {book.state_hash()}")
        found_rows = [dict.fromkeys(orders.columns.keys()) | record.row() for record in state.open.values()]
        compare_rows(f"{where}: orders", ("id",), open_rows.values(), found_rows)
        for order, record in state.open.items():
            facts = auditor.terms[order]
            terms = {"instrument": facts.instrument, "fee_ppm": facts.party.fee_ppm, "tax": facts.party.tax}
            found_terms, must = codec.to_json(record.terms), codec.to_json(terms)
            require(found_terms == must, f"{where}: terms of {order} are {found_terms}, the journal makes {must}")
            holding = auditor.twin.find(order)
            if isinstance(record, AskRecord) and holding is not None:
                found_left, left = record.slice_minutes_left, holding.slice_minutes_left
                require(found_left == left, f"{where}: {order} has {found_left} slice-minutes left, not {left}")

    def compare_rest(self) -> None:
        """Raises Difference when a snapshot stands where the journal has no place for it."""
        for sequence in self._waiting:
            raise Difference(f"snapshot of {self._shard} at {sequence} stands where no command of the journal ends")
