"""The commands of one attempt, applied to the engine's memory one after the other, on the same facts. No I/O."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from common.errors import Conflict, NestexError, Refused, Unavailable
from market.engine.commands import (
    MOST_AT_ONCE,
    MOST_OPEN_ORDERS,
    MOST_TRADES_TOLD,
    AmendOrder,
    Answer,
    CancelAll,
    CancelOrder,
    Command,
    EndContract,
    Expire,
    PlaceGroup,
    Placement,
    PreviewOrder,
    Problem,
    RescaleContract,
)
from market.engine.digests import group_sha256
from market.engine.effects import Effects
from market.engine.ended import Ended
from market.engine.facts import Facts, PlacementFacts
from market.engine.groups import at_place
from market.engine.hand_over import CONTRACT_OVER
from market.engine.known_orders import KnownOrders, public
from market.engine.records import BidRecord, OrderRecord, Stamp
from market.engine.state import EngineState
from market.engine.trade_rows import trade_row
from matching.commands import Command as BookCommand
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
        self.journaled: list[JournalEntry] = []
        self._known = KnownOrders(facts, self.effects)

    def answer(self, command: Command) -> Answer:
        """Apply one command. One that breaks a rule, or trips over a fault of ours, is answered alone; the batch goes
        on."""
        mark, length = self.state.mark(), len(self.journaled)
        effects = Effects()
        try:
            answer = self._apply(command, effects)
        except NestexError as error:
            problem = problem_of(error)
        except Exception:
            log.exception("a command failed: %s", command.kind)
            problem = problem_of(Unavailable("engine_unavailable", "the engine failed on this command"))
        else:
            return self._keep(answer, effects)
        self.state.take_back(mark)
        self.sequence -= len(self.journaled) - length
        del self.journaled[length:]
        return Answer(problem=problem)

    def end(self, ended: Sequence[Ended]) -> None:
        """Free what contracts no longer use, which end in this transaction."""
        effects = Effects()
        for each in ended:
            self.state.free(self._stamp(), each.free, effects)
            self._journal(each.free, {"ending": each.facts})
        self._keep(Answer(), effects)

    def withdraw(self, contracts: Sequence[str]) -> None:
        """Cancel what is offered of contracts that are about to end."""
        offers = [offer for each in contracts if (offer := self.state.open.offering(each)) is not None]
        for offer in offers:
            effects, command = Effects(), CancelOrder(offer.id, offer.participant, CONTRACT_OVER)
            self._journal(self.state.cancel(self._stamp(), command, effects)[0], {})
            self._keep(Answer(), effects)

    def _keep(self, answer: Answer, effects: Effects) -> Answer:
        self.effects.add(effects)
        for participant, amount in effects.spent().items():
            self.facts.spend(participant, amount)
        return answer

    def _apply(self, command: Command, effects: Effects) -> Answer:
        match command:
            case Expire():
                self._journal(self.state.expire(self._stamp(), effects), {})
                return Answer()
            case CancelOrder():
                return self._cancel(command, effects)
            case CancelAll():
                return self._cancel_all(command, effects)
            case AmendOrder():
                return self._amend(command, effects)
            case PreviewOrder():
                return self._preview(command.placement)
            case PlaceGroup():
                return self._place_group(command, effects)
            case EndContract() | RescaleContract():
                raise AssertionError("what is done to a contract has a transaction of its own")
            case _:
                return self._place(command, effects)

    def _stamp(self) -> Stamp:
        return Stamp(self.shard, self.sequence, self.at_micros)

    def _place(self, placement: Placement, effects: Effects) -> Answer:
        known = self._known.placed(placement)
        if known is not None:
            return Answer(order=known)
        self._check_room(placement.participant, 1)
        facts = self.facts.of(placement)
        entered, record = self.state.place(self._stamp(), placement, facts, effects)
        self._journal(entered, {"placement": placement, "facts": facts})
        self._known.remember(placement)
        return Answer(order=public(record.row()))

    def _place_group(self, group: PlaceGroup, effects: Effects) -> Answer:
        known = self._group_placed(group)
        if known:
            return Answer(orders=known)
        self._check_room(group.bids[0].participant, len(group.bids))
        facts = self._group_facts(group)
        entered, records = self.state.place_group(self._stamp(), group, facts, effects)
        self._journal(entered, {"placements": list(group.bids), "facts": list(facts)})
        for bid in group.bids:
            self._known.remember(bid)
        return Answer(orders=tuple(public(record.row()) for record in records))

    def _group_placed(self, group: PlaceGroup) -> tuple[dict[str, Any], ...]:
        """The orders that an earlier call made, because all of a group have a client_order_id, or none; and all of them
        the same content."""
        if group.bids[0].client_order_id is None:
            return ()
        found = []
        for place, (bid, content) in enumerate(zip(group.bids, group_sha256(group), strict=True)):
            with at_place(place):
                found.append(self._known.placed(bid, content))
        return tuple(row for row in found if row is not None)

    def _group_facts(self, group: PlaceGroup) -> tuple[PlacementFacts, ...]:
        facts = []
        for place, bid in enumerate(group.bids):
            with at_place(place):
                facts.append(self.facts.of(bid))
        return tuple(facts)

    def _check_room(self, participant: str, more: int) -> None:
        if self.state.open.count(participant) + more > MOST_OPEN_ORDERS:
            raise Refused(
                "too_many_open_orders",
                f"you have {self.state.open.count(participant)} open orders in this zone: cancel some first",
                limit=MOST_OPEN_ORDERS,
            )

    def _preview(self, placed: Placement | PlaceGroup) -> Answer:
        """Apply and take back: what is told is what would have happened."""
        mark, effects = self.state.mark(), Effects()
        try:
            if isinstance(placed, PlaceGroup):
                _, records = self.state.place_group(self._stamp(), placed, self._group_facts(placed), effects)
                told = Answer(orders=tuple(public(record.row()) for record in records))
            else:
                _, record = self.state.place(self._stamp(), placed, self.facts.of(placed), effects)
                told = Answer(order=public(record.row()))
        finally:
            self.state.take_back(mark)
        trades = tuple(trade_row(*trade) for trade in effects.trades[:MOST_TRADES_TOLD])
        return dataclasses.replace(told, trades=trades, value_micros=_value_micros(effects))

    def _amend(self, command: AmendOrder, effects: Effects) -> Answer:
        record = self.state.open.get(command.order)
        if record is None or record.participant != command.participant:
            row = self._known.finished(command.order, command.participant)
            raise Conflict("state_forbids", f"the order is {row['state']} already", field="state")
        facts = None if command.price_micros is None else self.facts.of(record.placement)
        amend, after = self.state.amend(self._stamp(), command, facts, effects)
        self._journal(amend, {} if facts is None else {"facts": facts})
        return Answer(order=public(after.row()))

    def _cancel(self, command: CancelOrder, effects: Effects) -> Answer:
        record = self.state.open.get(command.order)
        if record is None or record.participant != command.participant:
            row = self._known.finished(command.order, command.participant)
            if row["state"] == "canceled":
                return Answer(order=public(row))
            raise Conflict("state_forbids", f"the order is {row['state']} already", field="state")
        cancel, after = self.state.cancel(self._stamp(), command, effects)
        self._journal(cancel, {})
        return Answer(order=public(after.row()))

    def _cancel_all(self, command: CancelAll, effects: Effects) -> Answer:
        found = [record for record in self.state.open.of(command.participant) if _is_meant(record, command)]
        canceled = 0
        for record in found[:MOST_AT_ONCE]:
            if record.id in self.state.open:  # it may have expired before the cancel of another
                cancel, after = self.state.cancel(self._stamp(), CancelOrder(record.id, record.participant), effects)
                self._journal(cancel, {})
                canceled += after.state == "canceled"
        return Answer(canceled=canceled)

    def _journal(self, command: BookCommand, facts: dict[str, Any]) -> None:
        self.journaled.append(JournalEntry(self.sequence, self.at_micros, command, facts))
        self.sequence += 1


def _value_micros(effects: Effects) -> int:
    """The price of all trades for their whole windows, without VAT."""
    return sum(
        trade.price_micros * trade.guests * trade.slices_per_guest * (trade.end - trade.start)
        for _, _, trade, _ in effects.trades
    )


def _is_meant(record: OrderRecord, command: CancelAll) -> bool:
    side = "bid" if isinstance(record, BidRecord) else "ask"
    group = record.group[0] if isinstance(record, BidRecord) and record.group else None
    return (
        command.instrument in (None, record.placement.instrument)
        and command.side in (None, side)
        and command.group in (None, group)
    )


def problem_of(error: NestexError) -> Problem:
    """The error as it travels back to the caller."""
    limit = None if error.limit is None else str(error.limit)
    return Problem(type(error).__name__, error.code, error.message, error.field, limit)
