"""Metering: usage reports from the agents become the minutes that count, whatever is repeated, late or out of order.

Each contract and minute counts once, by the first record that arrives; records that may not count are kept in
`usage_refused` with their reason. A record that may count, counts for the contracts that its guest delivers besides its
own (`billing.deliveries`). Contracts are locked in id order, then watermarks in id order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from billing import deliveries, watermarks
from billing.admission import (
    AFTER_CLOSE,
    AFTER_END,
    CONFLICTING,
    DELIVERED_BY_ANOTHER,
    MinuteRecord,
    ReportedContract,
    fits,
    minute_record,
    refusal,
)
from billing.contracts import CLOSED, OPEN
from billing.deliveries import Deliveries
from billing.tables import billable_contract, billing_period, usage_minute, usage_refused
from billing.watermarks import Recorded
from common.minutes import month_of
from common.wire import UsageReport
from runtime.arrays import among, number_array, text_array

_INSERT_MINUTES = text("""
    INSERT INTO usage_minute (contract_id, minute, seconds, node_id, life, sequence, epoch, cpu_ns,
        memory_kib, disk_bytes, network_bytes, volume_gib)
    SELECT * FROM unnest(
        CAST(:contract_id AS text[]), CAST(:minute AS integer[]), CAST(:seconds AS smallint[]),
        CAST(:node_id AS text[]), CAST(:life AS bigint[]), CAST(:sequence AS bigint[]), CAST(:epoch AS bigint[]),
        CAST(:cpu_ns AS bigint[]), CAST(:memory_kib AS bigint[]), CAST(:disk_bytes AS bigint[]),
        CAST(:network_bytes AS bigint[]), CAST(:volume_gib AS bigint[]))
    ON CONFLICT DO NOTHING
    RETURNING contract_id, minute
""")
_TEXTS = ("contract_id", "node_id")
_STORED_MINUTES = text("""
    SELECT contract_id, minute, coalesce(reported_seconds, seconds) AS seconds, node_id, life, sequence, epoch,
        cpu_ns, memory_kib, disk_bytes, network_bytes, volume_gib
    FROM usage_minute LEFT JOIN usage_disputed_minute USING (contract_id, minute)
    JOIN unnest(CAST(:contract_id AS text[]), CAST(:minute AS integer[])) AS wanted (contract_id, minute)
        USING (contract_id, minute)
""")
_DELIVER = text("""
    UPDATE billable_contract SET delivered_seconds = delivered_seconds + delivered.seconds
    FROM unnest(CAST(:ids AS text[]), CAST(:seconds AS bigint[])) AS delivered (id, seconds)
    WHERE contract_id = delivered.id
""")


def record(connection: Connection, now_minute: int, reports: Sequence[UsageReport]) -> dict[tuple[str, int], Recorded]:
    """Store these reports, and say for each node and life that sent any how far its stream is complete.

    Reports of minutes that are still to come do not count, and leave no trace. Any number of repetitions, in any order,
    leaves the same minutes and totals. The caller has authenticated the nodes.
    """
    sane = [report for report in reports if fits(report, now_minute)]
    records = [minute_record(report, guest) for report in sane for guest in report.guests]
    if records:
        _record_minutes(connection, records)
    return watermarks.receive(connection, sane)


def minutes(connection: Connection, contract_id: str, after_minute: int, limit: int) -> list[tuple[int, int]]:
    """Up to `limit` metered minutes of a contract above `after_minute`, in order: the minute, and its seconds."""
    query = (
        select(usage_minute.c.minute, usage_minute.c.seconds)
        .where(usage_minute.c.contract_id == contract_id, usage_minute.c.minute > after_minute)
        .order_by(usage_minute.c.minute)
        .limit(limit)
    )
    return [(row.minute, row.seconds) for row in connection.execute(query)]


def _record_minutes(connection: Connection, records: Sequence[MinuteRecord]) -> None:
    named = {record.contract_id for record in records}
    shared = deliveries.around(connection, sorted(named))
    contracts = _lock_contracts(connection, sorted(named | shared.contracts()))
    closed = _closed_months(connection, sorted({record.minute for record in records}))
    countable: dict[tuple[str, int], MinuteRecord] = {}
    doubtful: list[tuple[MinuteRecord, str]] = []
    for record, reason in _judged(records, contracts, shared, closed):
        if reason is None and (record.contract_id, record.minute) not in countable:
            countable[record.contract_id, record.minute] = record
        else:
            doubtful.append((record, reason or CONFLICTING))
    for key in _insert_minutes(connection, countable):
        del countable[key]
    doubtful += [(record, CONFLICTING) for record in countable.values()]
    _keep_refused(connection, doubtful)


def _judged(
    records: Sequence[MinuteRecord], contracts: Mapping[str, ReportedContract], shared: Deliveries, closed: set[int]
) -> Iterator[tuple[MinuteRecord, str | None]]:
    """Each record, and behind one that may count itself for every contract that its guest delivers; with the reason why
    it may not count, or None."""
    for record in records:
        waiting, met = deque([record]), {record.contract_id}
        while waiting:
            each = waiting.popleft()
            reason = refusal(each, contracts.get(each.contract_id), period_closed=each.minute in closed)
            if reason is None and each is record and shared.delivers(each):
                reason = DELIVERED_BY_ANOTHER
            if reason is None:
                further = [other for other in shared.also_for(each) if other.contract_id not in met]
                met.update(other.contract_id for other in further)
                waiting += further
            yield each, reason


def _lock_contracts(connection: Connection, ids: Sequence[str]) -> dict[str, ReportedContract]:
    columns = billable_contract.c
    query = select(
        columns.contract_id,
        columns.node_id,
        columns.start_minute,
        columns.end_minute,
        columns.ended_minute,
        columns.state == CLOSED,
    )
    query = query.where(among(columns.contract_id, ids)).order_by(columns.contract_id)
    rows = connection.execute(query.with_for_update(key_share=True))
    return {contract_id: ReportedContract(*rest) for contract_id, *rest in rows}


def _closed_months(connection: Connection, minutes: Sequence[int]) -> set[int]:
    """The minutes among these whose period is closed, or being closed. Read after the contracts' locks, which a close
    takes as well."""
    months = {minute: month_of(minute) for minute in minutes}
    query = select(billing_period.c.month).where(
        among(billing_period.c.month, set(months.values())), billing_period.c.state != OPEN
    )
    closed = set(connection.execute(query).scalars())
    return {minute for minute, month in months.items() if month in closed}


def _insert_minutes(connection: Connection, countable: Mapping[tuple[str, int], MinuteRecord]) -> list[tuple[str, int]]:
    """The keys of the records that were new; their seconds are added to their contracts' totals."""
    if not countable:
        return []
    rows = connection.execute(_INSERT_MINUTES, _columns(countable.values()))
    inserted = [(row.contract_id, row.minute) for row in rows]
    seconds: dict[str, int] = {}
    for key in inserted:
        seconds[key[0]] = seconds.get(key[0], 0) + countable[key].seconds
    connection.execute(_DELIVER, {"ids": text_array(seconds), "seconds": number_array(seconds.values())})
    return inserted


def _keep_refused(connection: Connection, doubtful: Sequence[tuple[MinuteRecord, str]]) -> None:
    """Drop what only repeats the record that counts, and keep the rest for inspection."""
    if not doubtful:
        return
    stored = _stored(connection, [record for record, _ in doubtful])
    rows = []
    for record, reason in doubtful:
        counts = stored.get((record.contract_id, record.minute))
        if counts is not None and counts.same_as(record) and reason != DELIVERED_BY_ANOTHER:
            continue
        disputed = counts is not None and reason in (AFTER_END, AFTER_CLOSE)
        rows.append(record._asdict() | {"reason": CONFLICTING if disputed else reason})
    if rows:
        connection.execute(insert(usage_refused).on_conflict_do_nothing(), rows)


def _stored(connection: Connection, records: Iterable[MinuteRecord]) -> dict[tuple[str, int], MinuteRecord]:
    keys = sorted({(record.contract_id, record.minute) for record in records})
    parameters = {
        "contract_id": text_array(contract_id for contract_id, _ in keys),
        "minute": number_array(minute for _, minute in keys),
    }
    rows = connection.execute(_STORED_MINUTES, parameters)
    return {(row.contract_id, row.minute): MinuteRecord(*row) for row in rows}


def _columns(records: Iterable[MinuteRecord]) -> dict[str, str]:
    columns = zip(MinuteRecord._fields, zip(*records, strict=True), strict=True)
    return {name: (text_array if name in _TEXTS else number_array)(column) for name, column in columns}
