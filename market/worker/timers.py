"""What time makes due: settlement of delivered minutes, completion of contracts, the close of periods, lost nodes."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection, Engine

from billing import debts, periods, settlement
from common import fault_points
from common.clock import MarketClock
from market.contracts.complete_contracts import complete_contracts
from market.contracts.watch_delivery import fail_lost
from market.engine.client import EngineClient
from market.nodes.drain import withdraw
from market.nodes.liveness import OpenAsk, asks_to_withdraw, mark_lost
from market.worker.inbox import Inbox
from market.worker.turns import take_turns, take_turns_in_thread
from runtime.database import transaction
from runtime.settings import Settings

log = logging.getLogger("nestex.worker")

_CHUNK = 1000
_SETTLE_SECONDS = 0.5
_LIVENESS_SECONDS = 1.0
_CAUGHT_UP_SECONDS = 3.0
_NEVER = 2**30
"""Minutes of a grace that does not end."""


class Timers:
    """Endless loops of the worker. Each turn is idempotent: whoever runs it twice changes nothing."""

    def __init__(
        self,
        database: Engine,
        clock: MarketClock,
        engine: EngineClient,
        settings: Settings,
        heartbeats: Inbox,
        reports: Inbox,
    ) -> None:
        self.database = database
        self.clock = clock
        self.engine = engine
        self.settings = settings
        self.heartbeats = heartbeats
        self.reports = reports

    async def settle(self) -> None:
        """Money follows minutes, contracts end, periods close."""
        await take_turns_in_thread(self.settle_once, _SETTLE_SECONDS, "settlement")

    async def watch_nodes(self) -> None:
        """Nodes that fell silent are LOST, and their asks leave the books."""
        await take_turns(self.watch_once, _LIVENESS_SECONDS, "watching the nodes")

    async def watch_once(self) -> None:
        """Judge the nodes, and cancel what lost and draining ones still offer."""
        asks = await asyncio.to_thread(transaction, self.database, self._mark_lost)
        await withdraw(self.engine, asks)

    def settle_once(self) -> None:
        """Everything that is due now."""
        while transaction(self.database, self._settle_chunk) == _CHUNK:
            pass
        while transaction(self.database, self._complete_chunk) == _CHUNK:
            pass
        if recovered := transaction(self.database, self._recover):
            log.info("%d micros of what providers owe came back", recovered)
        while (month := transaction(self.database, self._begin_close)) is not None:
            self._close(month)

    def _settle_chunk(self, connection: Connection) -> int:
        settled = settlement.settle(connection, self.clock.now_micros(), _CHUNK).contracts
        if settled:
            fault_points.reach("settlement.posted")
        return settled

    def _complete_chunk(self, connection: Connection) -> int:
        grace = self.settings.grace_minutes if self._has_caught_up() else _NEVER
        completed = complete_contracts(connection, self.clock.minute(), self.clock.now_micros(), grace, _CHUNK)
        if completed:
            fault_points.reach("completion.posted")
        return completed

    def _recover(self, connection: Connection) -> int:
        return debts.recover(connection, self.clock.now_micros())

    def _begin_close(self, connection: Connection) -> str | None:
        """Begin to close one month that is due, or find the one that is being closed; None when there is nothing to."""
        if not self._has_caught_up():
            return None
        minute, grace = self.clock.minute(), self.settings.grace_minutes
        due = periods.due(connection, minute, grace)
        if not due:
            return None
        return periods.begin(connection, due[0], minute, self.clock.now_micros(), grace).month

    def _close(self, month: str) -> None:
        """All steps, each in its own transaction: whoever comes after a crash goes on with the next."""

        def step(connection: Connection) -> periods.Period:
            period = periods.step(connection, month)
            fault_points.reach("period.posted")
            return period

        while (period := transaction(self.database, step)).state != periods.CLOSED:
            log.info("period %s: %d contracts, %d participants done", month, period.contracts, period.participants)
        log.info("period %s is closed", month)

    def _has_caught_up(self) -> bool:
        """Nobody's grace is over while reports that came in time may lie unread, as after a long silence of ours."""
        return self.reports.steady_seconds() >= _CAUGHT_UP_SECONDS

    def _mark_lost(self, connection: Connection) -> list[OpenAsk]:
        """Nobody is judged by a silence that may be ours: this worker's, the bus's or the database's."""
        if self.heartbeats.steady_seconds() < self.settings.node_lost_seconds:
            return []
        for lost in mark_lost(connection, self.settings.node_lost_seconds):
            log.warning("node %s is lost: no heartbeat for %s s", lost, self.settings.node_lost_seconds)
        silent_seconds = self.settings.lost_after_minutes * 60 / self.clock.anchor.speed
        for failed in fail_lost(connection, self.clock.minute(), self.clock.now_micros(), silent_seconds):
            log.warning("contract %s has failed: its node is lost for too long", failed)
        return asks_to_withdraw(connection)
