"""Recovery: a shard's memory out of its newest snapshot and the journal behind it, command by command, with the facts
that were used the first time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from common import codec
from market.engine import fence as fencing
from market.engine import snapshots
from market.engine.command_json import placement_from_json
from market.engine.commands import (
    AmendOrder,
    CancelOrder,
    PlaceBid,
    PlaceGroup,
)
from market.engine.effects import Effects
from market.engine.facts import PlacementFacts
from market.engine.fence import Fence
from market.engine.records import Stamp
from market.engine.state import EngineState
from market.tables import journal
from matching.commands import Amend, Cancel, EnterGroup, Free, Tick
from matching.journal import JournalEntry, decode_block

log = logging.getLogger("nestex.engine")


@dataclass(frozen=True, slots=True)
class Recovered:
    """A shard's memory, the sequence number of the first command that it does not know, and how many commands had to be
    applied to build it."""

    state: EngineState
    next_sequence: int
    applied: int


def recover(connection: Connection, fence: Fence, keep_lease: Callable[[], None]) -> EngineState:
    """The shard's memory as it was after its last committed batch. `keep_lease` is called after every block.

    Raises Fenced when another engine has taken over meanwhile, AssertionError where the journal has a hole: then
    nothing may be traded before a person has looked.
    """
    recovered = rebuild(connection, fence.shard, keep_lease)
    if recovered.next_sequence != fence.next_sequence:
        fencing.check(connection, fence)  # a successor may have gone on while this engine stood still
        raise AssertionError(
            f"journal of {fence.shard} ends at {recovered.next_sequence}, the lease says {fence.next_sequence}"
        )
    log.info("recovered %s: %d commands, %d open orders", fence.shard, recovered.applied, len(recovered.state.open))
    return recovered.state


def rebuild(
    connection: Connection, shard: str, after_block: Callable[[], None], *, from_start: bool = False
) -> Recovered:
    """The memory that the committed journal makes; `from_start` leaves snapshots aside. Raises AssertionError on a
    hole."""
    restored = None if from_start else snapshots.newest(connection, shard)
    state, first = (EngineState(shard), 1) if restored is None else restored
    following = first
    query = select(journal.c.block).where(journal.c.shard == shard, journal.c.sequence >= first)
    for (block,) in connection.execute(query.order_by(journal.c.sequence), execution_options={"yield_per": 10}):
        decoded = decode_block(bytes(block))
        if decoded.first_sequence != following:
            raise AssertionError(f"journal of {shard}: nothing at sequence {following}")
        for entry in decoded.entries:
            _apply(state, shard, entry)
        following += len(decoded.entries)
        after_block()
    return Recovered(state, following, following - first)


def _apply(state: EngineState, shard: str, entry: JournalEntry) -> None:
    stamp, command = Stamp(shard, entry.sequence, entry.at_micros), entry.command
    if isinstance(command, Tick):
        state.expire(stamp, Effects())
    elif isinstance(command, Free):
        state.free(stamp, command, Effects())
    elif isinstance(command, Cancel):
        owner = state.open[command.order].participant
        state.cancel(stamp, CancelOrder(command.order, owner, command.reason), Effects())
    elif isinstance(command, Amend):
        state.amend(stamp, _amendment(state, command), _facts(entry), Effects())
    elif isinstance(command, EnterGroup):
        bids = tuple(codec.from_json(PlaceBid, placement) for placement in entry.facts["placements"])
        used = [codec.from_json(PlacementFacts, value) for value in entry.facts["facts"]]
        state.place_group(stamp, PlaceGroup(bids), used, Effects())
    else:
        facts = _facts(entry)
        assert facts is not None
        state.place(stamp, placement_from_json(entry.facts["placement"]), facts, Effects())
    state.forget()


def _amendment(state: EngineState, command: Amend) -> AmendOrder:
    record = state.open[command.order]
    return AmendOrder(
        order=command.order,
        participant=record.participant,
        revision=record.revision,
        guests=command.guests,
        slices=command.slices,
        price_micros=command.price_micros,
    )


def _facts(entry: JournalEntry) -> PlacementFacts | None:
    value = entry.facts.get("facts")
    return None if value is None else codec.from_json(PlacementFacts, value)
