"""Recovery: the journal applied again, command by command, with the facts that were used the first time."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Connection, select

from common import codec
from market.engine.commands import CancelOrder, Placement, command_from_json
from market.engine.effects import Effects
from market.engine.facts import PlacementFacts
from market.engine.fence import Fence
from market.engine.records import Stamp
from market.engine.state import EngineState
from market.tables import journal
from matching.commands import Cancel, Tick
from matching.journal import JournalEntry, decode_block

log = logging.getLogger("nestex.engine")


def recover(connection: Connection, fence: Fence, keep_lease: Callable[[], None]) -> EngineState:
    """The shard's memory as it was after its last committed batch. `keep_lease` is called after every block.

    Raises AssertionError where the journal has a hole: then nothing may be traded before a person has looked.
    """
    state = EngineState(fence.shard)
    following = 1
    query = select(journal.c.block).where(journal.c.shard == fence.shard).order_by(journal.c.sequence)
    for (block,) in connection.execute(query, execution_options={"yield_per": 10}):
        decoded = decode_block(bytes(block))
        if decoded.first_sequence != following:
            raise AssertionError(f"journal of {fence.shard}: nothing at sequence {following}")
        for entry in decoded.entries:
            _apply(state, fence.shard, entry)
        following += len(decoded.entries)
        keep_lease()
    if following != fence.next_sequence:
        raise AssertionError(f"journal of {fence.shard} ends at {following}, the lease says {fence.next_sequence}")
    log.info("recovered %s: %d commands, %d open orders", fence.shard, following - 1, len(state.open))
    return state


def _apply(state: EngineState, shard: str, entry: JournalEntry) -> None:
    stamp = Stamp(shard, entry.sequence, entry.at_micros)
    if isinstance(entry.command, Tick):
        state.expire(stamp, Effects())
    elif isinstance(entry.command, Cancel):
        owner = state.open[entry.command.order].participant
        state.cancel(stamp, CancelOrder(entry.command.order, owner, entry.command.reason), Effects())
    else:
        placement: Placement = command_from_json(entry.facts["placement"])  # type: ignore[assignment]  # only placements carry facts
        state.place(stamp, placement, codec.from_json(PlacementFacts, entry.facts["facts"]), Effects())
    state.forget()
