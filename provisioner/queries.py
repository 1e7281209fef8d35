"""What the market may ask an agent of the present: a guest, its console, its snapshots, the node itself.

Nothing is changed by an answer, and none is ever stored: what has to outlive a crash goes by desired state and status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from common.clock import MarketClock
from common.errors import NestexError
from common.questions import ConsoleAnswer, GuestAnswer, NodeAnswer, SnapshotMark, SnapshotsAnswer
from common.wire import GuestState
from provisioner.blocking import Blocking
from provisioner.guest import GuestRecord
from provisioner.hypervisor.port import Capabilities, Hypervisor
from provisioner.reconcile import is_settled
from provisioner.settings import agent_version
from provisioner.store import Store
from provisioner.sync import Agreement

T = TypeVar("T")
Answer: TypeAlias = GuestAnswer | ConsoleAnswer | SnapshotsAnswer | NodeAnswer

CONSOLE_CHARACTERS = 100_000
"""The newest part of a console that is sent: a message on the bus has a limit."""

BUSY_SECONDS = 3.0
"""So long is waited for a hypervisor that does something else."""


class Queries:
    """Answers them. `storage` and `hypervisor` are the threads of `store` and `driver`."""

    def __init__(
        self,
        store: Store,
        driver: Hypervisor,
        agreement: Agreement,
        *,
        storage: Blocking,
        hypervisor: Blocking,
        clock: MarketClock,
    ) -> None:
        self._store = store
        self._driver = driver
        self._agreement = agreement
        self._storage = storage
        self._hypervisor = hypervisor
        self._clock = clock

    async def guest(self, contract: str) -> GuestAnswer:
        """The guest as the agent knows it."""
        record = await self._storage(self._store.guest, contract)
        if record is None:
            return GuestAnswer(False, f"this node has no contract {contract}")
        return GuestAnswer(
            ok=True,
            state=record.state,
            revision=record.allocation.revision,
            settled=is_settled(record, self._clock.minute()),
            answers=record.answers,
        )

    async def console(self, contract: str) -> ConsoleAnswer:
        """The newest part of what it wrote."""
        try:
            written = await self._ask(lambda: self._driver.console(contract))
        except (NestexError, TimeoutError) as error:
            return ConsoleAnswer(False, _why(error))
        return ConsoleAnswer(ok=True, text=written.decode(errors="replace")[-CONSOLE_CHARACTERS:])

    async def snapshots(self, contract: str) -> SnapshotsAnswer:
        """The states of its disk that are kept."""
        try:
            kept = await self._ask(lambda: self._driver.snapshots(contract))
        except (NestexError, TimeoutError) as error:
            return SnapshotsAnswer(False, _why(error))
        return SnapshotsAnswer(ok=True, snapshots=tuple(SnapshotMark(each.name, each.at_ms) for each in kept))

    async def node(self) -> NodeAnswer:
        """The node; `ok` is False where its hypervisor does not answer."""
        records: dict[str, GuestRecord] = await self._storage(self._store.guests)
        held = (record for record in records.values() if record.state != "removed")
        states: dict[str, GuestState] = {record.contract: record.state for record in held}
        reason, found = "", Capabilities("", "", 0, abilities=frozenset())
        try:
            found = await self._ask(self._driver.capabilities)
        except (NestexError, TimeoutError) as error:
            reason = _why(error)
        return NodeAnswer(
            ok=not reason,
            reason=reason,
            agent_version=agent_version(),
            hypervisor=found.hypervisor,
            hypervisor_version=found.version,
            abilities=tuple(sorted(found.abilities)),
            synced=self._agreement.is_reached,
            guests=states,
        )

    async def _ask(self, question: Callable[[], T]) -> T:
        async with asyncio.timeout(BUSY_SECONDS):
            return await self._hypervisor(question)


def _why(error: Exception) -> str:
    return error.message if isinstance(error, NestexError) else "the hypervisor is busy"
