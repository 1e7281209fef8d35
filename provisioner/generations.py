"""Generations of the market's database: a newer one means that the market was restored to an earlier moment.

Then what the market holds is the truth, however old its revisions look. Contracts that were made after that moment are
gone with it: the first sync under the new generation ends them here. Without a newer generation nothing is ever ended
for not being named.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from common.agent_commands import Sync
from provisioner.store import Store

log = logging.getLogger(__name__)

_GENERATION = "generation"


def newest(store: Store) -> int:
    """The newest generation that the agent was synced with."""
    return store.number(_GENERATION) or 0


def take_over(store: Store, sync: Sync) -> bool:
    """Obey a sync's generation, in one transaction; False when it is older than what is known, and nothing is done."""
    with store.transaction():
        known = newest(store)
        if sync.generation > known:
            log.warning("the market was restored: generation %d instead of %d", sync.generation, known)
            _end_strangers(store, sync)
            store.set_number(_GENERATION, sync.generation)
    return sync.generation >= known


def held_revisions(store: Store) -> dict[str, int]:
    """The revision of the desired state that is stored for each contract, as far as it is the newest generation's."""
    generation = newest(store)
    return {
        contract: record.allocation.revision
        for contract, record in store.guests().items()
        if record.allocation.generation >= generation
    }


def _end_strangers(store: Store, sync: Sync) -> None:
    for contract, record in store.guests().items():
        allocation = record.allocation
        if contract in sync.revisions or allocation.generation >= sync.generation or allocation.want == "gone":
            continue
        log.warning("contract %s: the restored market does not know it", contract)
        store.put_guest(replace(record, allocation=replace(allocation, want="gone", generation=sync.generation)))
