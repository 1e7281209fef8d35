"""Usage reports, in: stored by metering, acknowledged after the commit, and then released from the agents' spools."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import Engine

from billing import metering
from common import codec, fault_points, subjects
from common.agent_commands import Resend, Watermark
from common.clock import MarketClock
from common.errors import InvalidInput
from common.wire import UsageReport
from runtime.database import transaction

log = logging.getLogger("nestex.worker")


class UsageReports:
    """Handles batches of the USAGE stream."""

    def __init__(self, database: Engine, clock: MarketClock, bus: Client) -> None:
        self.database = database
        self.clock = clock
        self.bus = bus

    async def handle(self, messages: Sequence[Msg]) -> None:
        """One transaction for all reports of the batch; then each node hears what is committed, and what is missing."""
        reports = [report for report in map(_report, messages) if report is not None]
        if not reports:
            return
        now_minute = self.clock.minute()
        recorded = await asyncio.to_thread(
            transaction, self.database, lambda connection: metering.record(connection, now_minute, reports)
        )
        fault_points.reach("usage.recorded")
        for (node, life), result in recorded.items():
            watermark = codec.encode(Watermark(result.watermark, life))
            await self.bus.publish(subjects.command(node, "watermark"), watermark)
            if result.gap_from is not None:
                resend = codec.encode(Resend(result.gap_from, life))
                await self.bus.publish(subjects.command(node, "resend"), resend)


def _report(message: Msg) -> UsageReport | None:
    try:
        report = codec.decode(UsageReport, message.data, lenient=True)
    except InvalidInput as error:
        log.warning("%s: %s", message.subject, error)
        return None
    if message.subject != subjects.usage(report.node):
        log.warning("%s speaks for node %s", message.subject, report.node)
        return None
    return report
