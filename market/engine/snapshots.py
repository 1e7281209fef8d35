"""Snapshots of a shard's memory: what recovery begins with, so that a start does not depend on the market's age.

They are made beside the engine, out of the journal, and hold nothing that the journal does not: one that cannot be
used is left aside.
"""

from __future__ import annotations

import json
import logging
import zlib
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from common import codec
from market.engine.facts import TradingTerms
from market.engine.records import AskRecord, BidRecord, OrderRecord
from market.engine.state import EngineState
from market.tables import snapshot
from matching.shard import Shard

log = logging.getLogger("nestex.engine")

VERSION = 1
KEPT = 2
"""Snapshots of a shard that stay; older ones are deleted."""


def write(connection: Connection, state: EngineState, next_sequence: int) -> None:
    """Keep the memory as it is before the command `next_sequence`, and drop the oldest snapshots."""
    shard = state.zone
    row = {
        "shard": shard,
        "next_sequence": next_sequence,
        "state_sha256": state.shard.state_hash(),
        "state": encode(state),
    }
    connection.execute(insert(snapshot).values(**row).on_conflict_do_nothing())
    newest = select(snapshot.c.next_sequence).where(snapshot.c.shard == shard)
    kept = newest.order_by(snapshot.c.next_sequence.desc()).limit(KEPT)
    connection.execute(delete(snapshot).where(snapshot.c.shard == shard, snapshot.c.next_sequence.not_in(kept)))


def newest(connection: Connection, shard: str) -> tuple[EngineState, int] | None:
    """The newest memory that can be restored, and the first sequence number that it does not know."""
    query = select(snapshot).where(snapshot.c.shard == shard).order_by(snapshot.c.next_sequence.desc())
    for row in connection.execute(query):
        try:
            state = decode(shard, bytes(row.state))
        except Exception:
            log.exception("the snapshot of %s at %d cannot be read", shard, row.next_sequence)
            continue
        if state.shard.state_hash() == row.state_sha256:
            return state, row.next_sequence
        log.error("the snapshot of %s at %d is not what it says", shard, row.next_sequence)
    return None


def newest_sequence(connection: Connection, shard: str) -> int:
    """Where the newest snapshot stands; 1 without one."""
    query = select(func.max(snapshot.c.next_sequence)).where(snapshot.c.shard == shard)
    return connection.execute(query).scalar_one() or 1


def encode(state: EngineState) -> bytes:
    """Compressed JSON. Terms, which most orders share, stand in a list of their own."""
    terms: dict[TradingTerms, int] = {}
    records = []
    for record in state.open.values():
        value = codec.to_json(record)
        value["terms"] = terms.setdefault(record.terms, len(terms))
        records.append(["bid" if isinstance(record, BidRecord) else "ask", value])
    value = {
        "version": VERSION,
        "auction": state.shard.snapshot(),
        "terms": [codec.to_json(known) for known in terms],
        "records": records,
    }
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), level=1)


def decode(zone: str, data: bytes) -> EngineState:
    """The memory in the bytes. Raises ValueError, KeyError or InvalidInput for what is none."""
    value = json.loads(zlib.decompress(data))
    if value["version"] != VERSION:
        raise ValueError(f"version {value['version']}")
    terms = [codec.from_json(TradingTerms, known) for known in value["terms"]]
    records = [_record(kind, given | {"terms": terms[given["terms"]]}) for kind, given in value["records"]]
    return EngineState(zone, Shard.restored(zone, value["auction"]), records)


def _record(kind: str, value: dict[str, Any]) -> OrderRecord:
    return codec.from_json(BidRecord, value) if kind == "bid" else codec.from_json(AskRecord, value)
