"""The commands of one attempt, applied to the engine's memory one after the other, on the same facts. No I/O."""

from __future__ import annotations

import logging
from typing import Any

from common import codec
from common.errors import Conflict, NestexError, NotFound, Unavailable
from market.engine.commands import Answer, CancelOrder, Command, Expire, Placement, Problem, content_sha256
from market.engine.effects import Effects
from market.engine.facts import Facts, PlacementFacts
from market.engine.records import OrderRecord, Stamp
from market.engine.state import EngineState
from matching.commands import Cancel as CancelOnBook
from matching.commands import EnterAsk, EnterBid, Tick
from matching.journal import JournalEntry

log = logging.getLogger("nestex.engine")


class BatchRun:
    """The commands of one attempt, applied one after the other on the same facts."""

    def __init__(self, state: EngineState, shard: str, first_sequence: int, at_micros: int, facts: Facts) -> None:
        self.state = state
        self.shard = shard
        self.sequence = first_sequence
        self.at_micros = at_micros
        self.facts = facts
        self.effects = Effects()
        self.entries: list[JournalEntry] = []
        self._orders: dict[str, OrderRecord] = {}
        self._by_client_id: dict[tuple[str, str], str] = {}

    def answer(self, command: Command) -> Answer:
        """Apply one command. One that breaks a rule, or trips over a fault of ours, is answered alone; the batch goes
        on."""
        mark = self.state.mark()
        effects = Effects()
        stamp = Stamp(self.shard, self.sequence, self.at_micros)
        try:
            answer = self._apply(stamp, command, effects)
        except NestexError as error:
            self.state.take_back(mark)
            return Answer(problem=problem_of(error))
        except Exception:
            log.exception("a command failed: %s", command.kind)
            self.state.take_back(mark)
            return Answer(problem=problem_of(Unavailable("engine_unavailable", "the engine failed on this command")))
        self.effects.add(effects)
        for participant, amount in effects.spent().items():
            self.facts.spend(participant, amount)
        return answer

    def _apply(self, stamp: Stamp, command: Command, effects: Effects) -> Answer:
        if isinstance(command, Expire):
            self._journal(stamp, self.state.expire(stamp, effects), {})
            return Answer()
        if isinstance(command, CancelOrder):
            return self._cancel(stamp, command, effects)
        return self._place(stamp, command, effects)

    def _place(self, stamp: Stamp, placement: Placement, effects: Effects) -> Answer:
        known = self._known(placement)
        if known is not None:
            return Answer(order=known)
        facts = self._placement_facts(placement)
        entered, record = self.state.place(stamp, placement, facts, effects)
        self._journal(stamp, entered, {"placement": codec.to_json(placement), "facts": codec.to_json(facts)})
        if placement.client_order_id is not None:
            self._by_client_id[placement.participant, placement.client_order_id] = record.id
        return Answer(order=_public(record.row()))

    def _cancel(self, stamp: Stamp, command: CancelOrder, effects: Effects) -> Answer:
        record = self.state.open.get(command.order)
        if record is None or record.participant != command.participant:
            return self._cancel_finished(command)
        cancel, after = self.state.cancel(stamp, command, effects)
        self._journal(stamp, cancel, {})
        return Answer(order=_public(after.row()))

    def _cancel_finished(self, command: CancelOrder) -> Answer:
        row = self._newest_row(command.order) or self.facts.by_order_id.get(command.order)
        if row is None or row["participant_id"] != command.participant:
            raise NotFound("not_found", f"you have no order {command.order}", field="order")
        if row["state"] == "canceled":
            return Answer(order=_public(row))
        raise Conflict("state_forbids", f"the order is {row['state']} already", field="state")

    def _known(self, placement: Placement) -> dict[str, Any] | None:
        """The order that an earlier call with this client_order_id made. Raises Conflict when it asked for something
        else."""
        if placement.client_order_id is None:
            return None
        key = (placement.participant, placement.client_order_id)
        row = self.facts.by_client_id.get(key)
        order = self._by_client_id.get(key) or (row and row["id"])
        row = (order and self._newest_row(order)) or row
        if row is None:
            return None
        if bytes(row["content_sha256"]) != content_sha256(placement):
            raise Conflict(
                "client_order_id_reused",
                "this client_order_id belongs to an order with another content",
                field="client_order_id",
            )
        return _public(row)

    def _newest_row(self, order: str) -> dict[str, Any] | None:
        """The order's row as this batch leaves it, if the batch touched it."""
        record = self.effects.entered.get(order) or self.effects.changed.get(order)
        return None if record is None else record.row()

    def _placement_facts(self, placement: Placement) -> PlacementFacts:
        instrument = self.facts.instruments.get(placement.instrument)
        if instrument is None:
            raise NotFound("not_found", f"there is no instrument {placement.instrument} here", field="instrument")
        party = self.facts.parties.get(placement.participant)
        if party is None:
            raise NotFound("not_found", f"there is no participant {placement.participant}", field="participant")
        node = None if placement.kind == "place_bid" else self.facts.nodes.get(placement.node)
        return PlacementFacts(instrument, party, node)

    def _journal(self, stamp: Stamp, command: EnterBid | EnterAsk | CancelOnBook | Tick, facts: dict[str, Any]) -> None:
        self.entries.append(JournalEntry(stamp.sequence, stamp.at_micros, command, facts))
        self.sequence += 1


def problem_of(error: NestexError) -> Problem:
    """The error as it travels back to the caller."""
    limit = None if error.limit is None else str(error.limit)
    return Problem(type(error).__name__, error.code, error.message, error.field, limit)


def _public(row: dict[str, Any]) -> dict[str, Any]:
    """What an answer carries: the row without the digest, which is no JSON."""
    return {name: value for name, value in row.items() if name != "content_sha256"}
