"""The auditor of a shard: its journal, command by command, with the events that somebody claims for each.

What is compared with the market's tables (`nestex.audit`) is what stands here after each command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from common.minutes import MICROS_PER_MINUTE
from matching.auditor.admission import check_admission
from matching.auditor.auction import AuctionAuditor, as_they_meet
from matching.auditor.backing import Group, binding, bond_of, escrow_of, group_of
from matching.auditor.batch import BatchFacts
from matching.auditor.capacity import NodeLoads
from matching.auditor.difference import Difference, require
from matching.auditor.facts import EntryFacts
from matching.auditor.holding import AskHolding, Holding
from matching.auditor.supply import merged
from matching.auditor.twin import Twin
from matching.commands import Amend, Cancel, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free
from matching.events import Amended, Cut, Done, Event, Trade
from matching.journal import JournalBlock, JournalEntry


class Auditor:
    """Everything that must hold after every command of a shard.

    `reserved` is what each open order binds of its participant's cash. `terms` are the facts of the newest entry of
    each order that is open or that the newest command finished.
    """

    def __init__(self, shard: str) -> None:
        self.shard = shard
        self.next_sequence = 1
        self.last_at_micros = 0
        self.reserved: dict[str, int] = {}
        self.terms: dict[str, EntryFacts] = {}
        self._auction = AuctionAuditor()
        self._loads = NodeLoads()
        self._batch = BatchFacts()
        self._done: list[str] = []

    @property
    def twin(self) -> Twin:
        """The open orders, by the slow reading of the rule."""
        return self._auction.twin

    def remaining(self, order: str) -> list[list[int]]:
        """What an open ask has left: start, end and slices of each stretch of minutes with the same number of them."""
        holding = self.twin.find(order)
        return [list(stretch) for stretch in merged(holding.supply)] if isinstance(holding, AskHolding) else []

    def begin(self, block: JournalBlock) -> None:
        """The entries of this block come next. Raises Difference when it is not the next one, or not one batch."""
        self._batch = BatchFacts()
        where = f"the journal of {self.shard} at {self.next_sequence}"
        require(block.shard == self.shard, f"{where} has a block of {block.shard}")
        require(block.first_sequence == self.next_sequence, f"{where} goes on with sequence {block.first_sequence}")
        require(bool(block.entries), f"{where} has an empty block")
        times = sorted({entry.at_micros for entry in block.entries})
        require(len(times) == 1, f"{where} has a batch of several times: {times}")

    def check(self, entry: JournalEntry, facts: Sequence[EntryFacts], claimed: Sequence[Event]) -> None:
        """Raises Difference at the first rule that does not hold after this command. `facts` are the entry's, one for
        each order that it lets meet the book."""
        try:
            self._check_stamp(entry)
            self._check_command(entry, facts, claimed)
        except Difference as difference:
            raise Difference(f"{self.shard} at {entry.sequence}: {difference}") from difference
        self.next_sequence += 1
        self.last_at_micros = entry.at_micros

    def check_all_pairs(self) -> None:
        """Raises Difference when any two open orders could trade."""
        self._auction.check_all_pairs()

    def _check_stamp(self, entry: JournalEntry) -> None:
        require(entry.sequence == self.next_sequence, f"the sequence number must be {self.next_sequence}")
        earlier = f"its time {entry.at_micros} comes after {self.last_at_micros}"
        require(entry.at_micros >= self.last_at_micros, earlier)
        minute = entry.at_micros // MICROS_PER_MINUTE
        require(entry.command.minute == minute, f"minute {entry.command.minute} is stamped on a command of {minute}")

    def _check_command(self, entry: JournalEntry, facts: Sequence[EntryFacts], claimed: Sequence[Event]) -> None:
        command = entry.command
        for order in self._done:
            self.terms.pop(order, None)
        takers = as_they_meet(command, self.twin)
        require(len(facts) == len(takers), f"{len(takers)} orders came in, with {len(facts)} facts")
        known = {holding.entry.order: holding for holding in self.twin.open}
        terms = dict(self.terms)
        for taker, used in zip(takers, facts, strict=True):
            known[taker.entry.order], terms[taker.entry.order] = taker, used
            self._batch.check(taker.entry.participant, used)
            check_admission(taker, used, self.shard, command.minute)
        for order in {group_of(taker)[0]: taker.entry.order for taker in takers}.values():
            self._check_cash(known[order], known, terms)  # as they meet the book: the trades are taken off later
        self._auction.check(command, claimed)
        _check_effect(entry, claimed)
        self.terms = terms
        self._follow(takers, claimed, known)
        if isinstance(command, Free):
            self._loads.free(command)
        for taker, used in zip(takers, facts, strict=True):
            if isinstance(taker, AskHolding) and used.node is not None:
                new = isinstance(command, EnterAsk | EnterLinkedAsk)
                self._loads.check(taker, command.minute, used.node.offered, self.twin.open, new=new)
        if any(isinstance(event, Trade | Cut) for event in claimed):
            self._loads.check_linked(command.minute, self.twin.open)

    def _check_cash(self, taker: Holding, known: Mapping[str, Holding], terms: Mapping[str, EntryFacts]) -> None:
        """What the order, or its whole group, binds more than before was available."""
        order, group = taker.entry.order, [known[name] for name in group_of(taker) if name in known]
        bound = sum(binding(group, terms).values())
        more = bound - sum(self.reserved.get(holding.entry.order, 0) for holding in group)
        available = terms[order].party.available_micros
        require(more <= available, f"order {order} binds {more} micros more, and {available} were available")

    def _follow(self, takers: Sequence[Holding], claimed: Sequence[Event], known: dict[str, Holding]) -> None:
        """What the events did to reservations and nodes."""
        spent: Counter[str] = Counter()
        for trade in (event for event in claimed if isinstance(event, Trade)):
            bid, ask = known[trade.bid], known[trade.ask]
            assert isinstance(ask, AskHolding)
            self._loads.sell(ask.entry, trade.guests * trade.slices_per_guest, trade.start, trade.end)
            spent[bid.entry.participant] += trade.guests * escrow_of(trade, self.terms[trade.bid])
            spent[ask.entry.participant] += trade.guests * bond_of(trade, ask.price_micros, self.terms[trade.ask])
        self._done = [event.order for event in claimed if isinstance(event, Done)]
        for group in _touched(takers, claimed, known):
            resting = [found for order in group if (found := self.twin.find(order)) is not None]
            after = binding(resting, self.terms)
            for order in [order for order in group if order in known]:
                spent[known[order].entry.participant] += after.get(order, 0) - self.reserved.pop(order, 0)
            self.reserved |= after
        self._batch.spend(spent)


def _touched(takers: Sequence[Holding], claimed: Sequence[Event], known: Mapping[str, Holding]) -> list[Group]:
    """The orders that met the book, and those that events tell of, with their groups, once each."""
    named = [taker.entry.order for taker in takers]
    for event in claimed:
        named += (event.bid, event.ask) if isinstance(event, Trade) else (event.order,)
    return list(dict.fromkeys(group_of(known[order]) for order in named))


def _check_effect(entry: JournalEntry, claimed: Sequence[Event]) -> None:
    """The engine journals no amendment and no cancel that changes nothing."""
    command = entry.command
    if isinstance(command, EnterBid | EnterAsk | EnterGroup | EnterLinkedAsk):
        return
    if isinstance(command, Amend):
        require(Amended(command.order) in claimed, f"the amendment of {command.order} changes nothing")
    elif isinstance(command, Cancel):
        ended = any(isinstance(event, Done) and event.order == command.order for event in claimed)
        require(ended, f"the cancel of {command.order} ends nothing")
