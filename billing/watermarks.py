"""How far each node's stream of usage reports is complete: receipts, the watermark over them, and the first gap.

Numbers belong to a life of the agent's file, so everything here goes by node and life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, exists, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from billing.tables import usage_receipt, usage_watermark
from common.wire import UsageReport
from runtime.arrays import number_array, text_array

Lives = Sequence[tuple[str, int]]
"""Nodes, each with a life."""

_INSERT_RECEIPTS = text("""
    INSERT INTO usage_receipt (node_id, life, sequence, minute)
    SELECT * FROM unnest(CAST(:nodes AS text[]), CAST(:lives AS bigint[]), CAST(:sequences AS bigint[]),
        CAST(:minutes AS integer[]))
    ON CONFLICT DO NOTHING
""")
_ADVANCE = text("""
    WITH tail AS (
        SELECT receipt.node_id, receipt.life, receipt.sequence, receipt.minute,
            receipt.sequence - mark.sequence
                = row_number() OVER (PARTITION BY receipt.node_id, receipt.life ORDER BY receipt.sequence) AS contiguous
        FROM usage_watermark AS mark
        JOIN unnest(CAST(:nodes AS text[]), CAST(:lives AS bigint[])) AS moved (node_id, life) USING (node_id, life)
        JOIN usage_receipt AS receipt
            ON receipt.node_id = mark.node_id AND receipt.life = mark.life AND receipt.sequence > mark.sequence
    ), reached AS (
        SELECT node_id, life, max(sequence) AS sequence, max(minute) AS minute FROM tail WHERE contiguous
        GROUP BY node_id, life
    )
    UPDATE usage_watermark AS mark SET sequence = reached.sequence, minute = greatest(mark.minute, reached.minute)
    FROM reached WHERE mark.node_id = reached.node_id AND mark.life = reached.life
""")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Every report up to `watermark` is recorded. `gap_from` is the first one missing, where later ones are here."""

    watermark: int
    gap_from: int | None


def receive(connection: Connection, reports: Sequence[UsageReport]) -> dict[tuple[str, int], Recorded]:
    """Note that these reports have arrived; how far each node and life has come."""
    since = {(report.node, report.life): report.since for report in reports}
    if not since:
        return {}
    lives = sorted(since)
    _lock(connection, since)
    received = sorted({(report.node, report.life, report.sequence): report.minute for report in reports}.items())
    columns = {
        "nodes": text_array(node for (node, _, _), _ in received),
        "lives": number_array(life for (_, life, _), _ in received),
        "sequences": number_array(sequence for (_, _, sequence), _ in received),
        "minutes": number_array(minute for _, minute in received),
    }
    connection.execute(_INSERT_RECEIPTS, columns)
    moved = {"nodes": text_array(node for node, _ in lives), "lives": number_array(life for _, life in lives)}
    connection.execute(_ADVANCE, moved)
    return _progress(connection, lives)


def _lock(connection: Connection, since: dict[tuple[str, int], int]) -> None:
    rows = [
        {"node_id": node, "life": life, "sequence": 0, "minute": 0, "since_minute": minute}
        for (node, life), minute in sorted(since.items())
    ]
    connection.execute(insert(usage_watermark).on_conflict_do_nothing(), rows)
    query = select(usage_watermark.c.node_id).where(_among(sorted(since)))
    connection.execute(query.order_by(usage_watermark.c.node_id, usage_watermark.c.life).with_for_update())


def _progress(connection: Connection, lives: Lives) -> dict[tuple[str, int], Recorded]:
    mark, receipt = usage_watermark.c, usage_receipt.c
    beyond = exists().where(
        receipt.node_id == mark.node_id, receipt.life == mark.life, receipt.sequence > mark.sequence
    )
    query = select(mark.node_id, mark.life, mark.sequence, beyond.label("gap")).where(_among(lives))
    return {
        (row.node_id, row.life): Recorded(row.sequence, row.sequence + 1 if row.gap else None)
        for row in connection.execute(query)
    }


def _among(lives: Lives) -> ColumnElement[bool]:
    return tuple_(usage_watermark.c.node_id, usage_watermark.c.life).in_(lives)
