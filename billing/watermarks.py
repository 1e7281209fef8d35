"""How far each node's stream of usage reports is complete: receipts, the watermark over them, and the first gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, text
from sqlalchemy.dialects.postgresql import insert

from billing.arrays import among
from billing.tables import usage_receipt, usage_watermark
from common.wire import UsageReport

_INSERT_RECEIPTS = text("""
    INSERT INTO usage_receipt (node_id, sequence, minute)
    SELECT * FROM unnest(CAST(:nodes AS text[]), CAST(:sequences AS bigint[]), CAST(:minutes AS integer[]))
    ON CONFLICT DO NOTHING
""")
_ADVANCE = text("""
    WITH tail AS (
        SELECT receipt.node_id, receipt.sequence, receipt.minute,
            receipt.sequence - mark.sequence
                = row_number() OVER (PARTITION BY receipt.node_id ORDER BY receipt.sequence) AS contiguous
        FROM usage_watermark AS mark
        JOIN usage_receipt AS receipt ON receipt.node_id = mark.node_id AND receipt.sequence > mark.sequence
        WHERE mark.node_id = ANY(CAST(:nodes AS text[]))
    ), reached AS (
        SELECT node_id, max(sequence) AS sequence, max(minute) AS minute FROM tail WHERE contiguous GROUP BY node_id
    )
    UPDATE usage_watermark AS mark SET sequence = reached.sequence, minute = greatest(mark.minute, reached.minute)
    FROM reached WHERE mark.node_id = reached.node_id
""")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Every report up to `watermark` is recorded. `gap_from` is the first one missing, where later ones are here."""

    watermark: int
    gap_from: int | None


def receive(connection: Connection, reports: Sequence[UsageReport]) -> dict[str, Recorded]:
    """Note that these reports have arrived; how far each of their nodes has come."""
    nodes = sorted({report.node for report in reports})
    if not nodes:
        return {}
    _lock(connection, nodes)
    received = sorted({(report.node, report.sequence): report.minute for report in reports}.items())
    columns = {
        "nodes": [node for (node, _), _ in received],
        "sequences": [sequence for (_, sequence), _ in received],
        "minutes": [minute for _, minute in received],
    }
    connection.execute(_INSERT_RECEIPTS, columns)
    connection.execute(_ADVANCE, {"nodes": nodes})
    return _progress(connection, nodes)


def watermark(connection: Connection, node_id: str) -> int:
    """Every report of the node up to this sequence number is recorded; 0 before the first."""
    query = select(usage_watermark.c.sequence).where(usage_watermark.c.node_id == node_id)
    return connection.execute(query).scalar_one_or_none() or 0


def _lock(connection: Connection, nodes: Sequence[str]) -> None:
    rows = [{"node_id": node, "sequence": 0, "minute": 0} for node in nodes]
    connection.execute(insert(usage_watermark).on_conflict_do_nothing(), rows)
    query = select(usage_watermark.c.node_id).where(among(usage_watermark.c.node_id, nodes))
    connection.execute(query.order_by(usage_watermark.c.node_id).with_for_update())


def _progress(connection: Connection, nodes: Sequence[str]) -> dict[str, Recorded]:
    mark, receipt = usage_watermark.c, usage_receipt.c
    beyond = exists().where(receipt.node_id == mark.node_id, receipt.sequence > mark.sequence).label("gap")
    rows = connection.execute(select(mark.node_id, mark.sequence, beyond).where(among(mark.node_id, nodes)))
    return {row.node_id: Recorded(row.sequence, row.sequence + 1 if row.gap else None) for row in rows}
