"""The minutes that count, one by one, as they were reported: what invoices are made from."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from billing.exports.dataset import Dataset
from billing.exports.snapshot import streamed
from common.minutes import Window, minute_text, month_window

HEADER = (
    "contract",
    "instrument",
    "role",
    "minute",
    "seconds",
    "slices",
    "node",
    "life",
    "sequence",
    "cpu_ns",
    "memory_kib",
    "disk_bytes",
    "network_bytes",
    "volume_gib",
)
_MINUTES = text("""
    SELECT usage.*, contract.instrument, contract.slices,
        CASE WHEN contract.buyer_id = :participant THEN 'buyer' ELSE 'provider' END AS role
    FROM billable_contract AS contract JOIN usage_minute AS usage ON usage.contract_id = contract.contract_id
    WHERE :participant IN (contract.buyer_id, contract.provider_id)
        AND contract.end_minute > :start AND contract.start_minute < :end
        AND usage.minute >= :start AND usage.minute < :end
    ORDER BY usage.contract_id, usage.minute
""")


def usage(connection: Connection, participant_id: str, month: str) -> Dataset:
    """The month's minutes of the contracts that the participant bought or sold. Raises InvalidInput for no month."""
    return Dataset(HEADER, _rows(connection, participant_id, month_window(month)))


def _rows(connection: Connection, participant_id: str, window: Window) -> Iterator[tuple[str, ...]]:
    parameters = {"participant": participant_id, "start": window.start, "end": window.end}
    for row in streamed(connection, _MINUTES, parameters):
        yield (
            row.contract_id,
            row.instrument,
            row.role,
            minute_text(row.minute),
            str(row.seconds),
            str(row.slices),
            row.node_id,
            str(row.life),
            str(row.sequence),
            str(row.cpu_ns),
            str(row.memory_kib),
            str(row.disk_bytes),
            str(row.network_bytes),
            str(row.volume_gib),
        )
