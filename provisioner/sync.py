"""Agreement with the market on what this node holds. Until it was reached once in this process, nothing is swept away.

The market answers a heartbeat that says "not synced" by publishing again what the agent lacks and by naming every live
contract with its revision. The agent is synced as soon as it holds all of them, at that revision or a newer one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from common.agent_commands import CommandAnswer, Sync
from provisioner.blocking import Blocking
from provisioner.generations import held_revisions, take_over
from provisioner.store import Store

log = logging.getLogger(__name__)


class Agreement:
    """`is_reached` never goes back to False; `reached` is called when it becomes True."""

    def __init__(self, storage: Blocking, store: Store, reached: Callable[[], None]) -> None:
        self._storage = storage
        self._store = store
        self._reached = reached
        self._wanted: dict[str, int] | None = None
        self.is_reached = False

    async def ask(self, sync: Sync) -> CommandAnswer:
        """Compare with what the market named; what is missing is waited for."""
        if not await self._storage(take_over, self._store, sync):
            return CommandAnswer(False, f"generation {sync.generation} is older than what this agent knows")
        self._wanted = sync.revisions
        lacking = await self.compare()
        return CommandAnswer(not lacking, f"waiting for {', '.join(lacking[:5])}" if lacking else "")

    async def compare(self) -> list[str]:
        """The contracts that are lacking, once the market has named them; called whenever one has come in."""
        if self._wanted is None:
            return []
        held = await self._storage(held_revisions, self._store)
        lacking = [contract for contract, revision in self._wanted.items() if held.get(contract, 0) < revision]
        if not lacking and not self.is_reached:
            log.info("synced with the market: %d contracts", len(self._wanted))
            self.is_reached = True
            self._reached()
        return lacking
