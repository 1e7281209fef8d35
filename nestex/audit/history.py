"""What must follow from a shard's journal, row by row: orders, trades, contracts, and the events of its feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from common.minutes import MICROS_PER_MINUTE
from market.engine.commands import Placement
from matching.auditor.auditor import Auditor
from matching.auditor.difference import Difference, require
from matching.commands import Amend, Free
from matching.events import Amended, Cut, Done, Event, Trade
from matching.journal import JournalEntry
from nestex.audit import orders
from nestex.audit.contracts import Birth, Ending, TradePlace, births
from nestex.audit.growth import Growth
from nestex.audit.orders import Row
from nestex.audit.replacements import Replacements
from nestex.audit.resales import Resales

_REMEMBERED_MINUTES = 90 * 1440
"""After its window a contract can fail as long as the engine has not heard of it, and completion has not closed it."""


@dataclass(slots=True)
class Page:
    """Rows that some commands made and that no later command of the journal changes."""

    trades: list[Row] = field(default_factory=list)
    births: list[Birth] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


class History:
    """Follows the auditor. `open` are the rows of open orders; `page` is what has become final since `turn`; `endings`
    counts the contracts that ended early."""

    def __init__(self, auditor: Auditor) -> None:
        self.open: dict[str, Row] = {}
        self.page = Page()
        self.endings = 0
        self._auditor = auditor
        self.resales = Resales()
        self._running: dict[str, Birth] = {}
        self._replacements = Replacements()
        self._growth = Growth()
        self._positions = 0

    def turn(self) -> Page:
        """The page, which is not changed any more."""
        page, self.page = self.page, Page()
        past = self._auditor.last_at_micros // MICROS_PER_MINUTE - _REMEMBERED_MINUTES
        self._running = {name: born for name, born in self._running.items() if born.contract["end_minute"] > past}
        return page

    def precede(self, entry: JournalEntry, placements: Sequence[Placement]) -> None:
        """What only what stands before the command can tell. Raises Difference."""
        self._replacements.before(entry, placements, self._running, self._auditor.twin)
        self._growth.before(entry, placements, self._running)

    def follow(self, entry: JournalEntry, placements: Sequence[Placement], events: Sequence[Event]) -> None:
        """The rows after a command that the auditor has just checked, with these events, and that was made of these
        requests."""
        for row in orders.entered_rows(self._auditor.shard, entry, placements):
            self.open[row["id"]] = row
            self.resales.entered(row, self._running, self.open.values())
        if isinstance(entry.command, Free):
            self._end(entry, entry.command)
        touched: dict[str, None] = {}
        ordinal = 0
        for event in events:
            if isinstance(event, Trade):
                self._trade(entry, ordinal, event)
                touched |= dict.fromkeys((event.bid, event.ask))
                ordinal += 1
            elif isinstance(event, Cut):
                orders.cut(self.open[event.order], entry.at_micros)
                self._tell("order", event.order, orders.told(self.open[event.order], "linked"), entry.at_micros)
            elif isinstance(event, Done):
                self._done(entry, event)
            elif isinstance(event, Amended) and isinstance(entry.command, Amend):
                orders.amended(self.open[event.order], entry.command, entry.at_micros)
        self._tell_of_open(entry, placements, touched)
        for order, row in self.open.items():
            row["reserved_micros"] = self._auditor.reserved[order]
            if row["linked"]:
                row["remaining"] = self._auditor.remaining(order)

    def _trade(self, entry: JournalEntry, ordinal: int, trade: Trade) -> None:
        bid, ask, at_micros = self.open[trade.bid], self.open[trade.ask], entry.at_micros
        place = TradePlace(self._auditor.shard, entry.sequence, ordinal, at_micros)
        row = {
            "instrument": bid["instrument"],
            "price_micros": trade.price_micros,
            "start_minute": trade.start,
            "end_minute": trade.end,
            "guests": trade.guests,
            "slices_per_guest": trade.slices_per_guest,
            "taker_side": trade.taker_side,
        }
        self._tell("trade", f"{entry.sequence}.{ordinal}", row | {"bid": trade.bid, "ask": trade.ask}, at_micros)
        named = {"bid_order_id": trade.bid, "ask_order_id": trade.ask, "at_micros": at_micros}
        key = {"shard": place.shard, "sequence": entry.sequence, "ordinal": ordinal}
        self.page.trades.append(key | row | named)
        for birth in births(place, trade, bid, ask, self._auditor.terms):
            self.page.births.append(birth)
            self.resales.born(birth, self._running)
            self._running[birth.id] = birth
            self._replacements.born(birth)
            self._growth.born(birth)
            parties = {"buyer": bid["participant_id"], "provider": ask["participant_id"], "state": "scheduled"}
            self._tell("contract", birth.id, parties, at_micros)
        orders.traded(bid, trade, at_micros)
        orders.traded(ask, trade, at_micros)

    def _end(self, entry: JournalEntry, freed: Free) -> None:
        """A contract ends once, and gives back what it was born with, from a minute to come on to its end."""
        born = self._running.pop(freed.contract, None)
        if born is None:
            raise Difference(f"{self._auditor.shard} at {entry.sequence}: {freed.contract} is no contract that runs")
        for name, value in born.freed.items():
            given = getattr(freed, name)
            told = f"{self._auditor.shard} at {entry.sequence}: {freed.contract} gives back {name} {given}, not {value}"
            require(given == value, told)
        handed_over = self.resales.handed_over(born.id)
        ending = Ending(freed.contract, born, **entry.facts["ending"], handed_over=handed_over)
        self._check_freed(entry, freed, ending)
        self.endings += 1
        self._replacements.ended(ending, f"{self._auditor.shard} at {entry.sequence}")
        self.resales.ended(ending, self._running)
        self._growth.ended(ending, f"{self._auditor.shard} at {entry.sequence}")
        self.page.endings.append(ending)

    def _check_freed(self, entry: JournalEntry, freed: Free, ending: Ending) -> None:
        left = min(max(ending.minute, freed.minute + 1), freed.end)
        first = left if self.resales.gives_back(ending.born) else freed.end
        told = f"contract {freed.contract} ends at {ending.minute} and gives back {freed.start} on, not {first}"
        require(first == freed.start, f"{self._auditor.shard} at {entry.sequence}: {told}")

    def _done(self, entry: JournalEntry, done: Done) -> None:
        row = self.open.pop(done.order)
        orders.ended(row, done, entry.at_micros)
        self.page.orders.append(row)
        self._tell("order", done.order, orders.told(row), entry.at_micros)

    def _tell_of_open(self, entry: JournalEntry, placements: Sequence[Placement], traded: dict[str, None]) -> None:
        """After the events of a command: how open orders that traded stand, by id, and those that it named."""
        named = [entry.command.order] if isinstance(entry.command, Amend) else [placed.order for placed in placements]
        for order in [*sorted(traded), *(order for order in named if order not in traded)]:
            if order in self.open:
                self._tell("order", order, orders.told(self.open[order]), entry.at_micros)

    def _tell(self, kind: str, subject: str, payload: dict[str, Any], at_micros: int) -> None:
        self._positions += 1
        event = {"position": self._positions, "kind": kind, "subject": subject, "payload": payload}
        self.page.events.append(event | {"at_micros": at_micros})

    @property
    def events(self) -> int:
        """Events of the feed so far."""
        return self._positions
