"""One shard (zone): commands in, events out, tentatively.

This is what the engine holds, and all of the auction that it sees.
"""

from __future__ import annotations

from typing import Any

from common.minutes import Window
from common.wire import Capacity
from matching.amend import amend
from matching.book import Book, Depth
from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free
from matching.entry import enter, enter_group
from matching.events import Event
from matching.floor import Floor
from matching.linked import enter_linked
from matching.orders import Ask, Bid, LinkedAsk, SliceVector
from matching.pool import peak_with
from matching.profile import window_profile
from matching.resale import ask_of
from matching.snapshot import restore
from matching.state import canonical_state, state_hash
from matching.views import OpenOrder


class Shard:
    """All books and the node load of a zone; without a zone, of whatever instruments come.

    Changes are tentative until `forget`: `take_back` undoes everything since a `mark`, exactly. A command that raises
    has no effect.
    """

    __slots__ = ("_floor", "zone")

    def __init__(self, zone: str | None = None) -> None:
        self.zone = zone
        self._floor = Floor()

    @property
    def minute(self) -> int:
        """The minute of the last command."""
        return self._floor.minute

    def apply(self, command: Command) -> list[Event]:
        """Applies one command; before it, expires what its minute has overtaken.

        Raises Conflict (`duplicate_order`) when it enters an order id that is open. That no id is ever used again is
        for the caller to see to, who keeps the orders that are done.
        """
        floor, minute = self._floor, command.minute
        kept, expiries = len(floor.log), floor.schedule.minutes
        events: list[Event] = []
        floor.events = events
        try:
            if minute != floor.minute or (expiries and expiries[0] <= minute):
                floor.pass_time(minute)
            if isinstance(command, EnterBid):
                book = floor.books.get(command.instrument) or self._new_book(command.instrument)
                enter(Bid(command, book.bids), floor)
            elif isinstance(command, EnterAsk):
                book = floor.books.get(command.instrument) or self._new_book(command.instrument)
                enter(ask_of(command, book.asks), floor)
            elif isinstance(command, Cancel):
                order = floor.open.get(command.order)
                if order is not None:
                    floor.close(order, command.reason)
            elif isinstance(command, Amend):
                amend(command, floor)
            elif isinstance(command, Free):
                vector = (command.slice_vcpus, command.slice_memory_mib, command.slice_disk_gib)
                floor.free_capacity(command.node, vector, window_profile(command.slices, command.start, command.end))
            elif isinstance(command, EnterGroup):
                books = [floor.books.get(bid.instrument) or self._new_book(bid.instrument) for bid in command.bids]
                enter_group([Bid(bid, book.bids) for bid, book in zip(command.bids, books, strict=True)], floor)
            elif isinstance(command, EnterLinkedAsk):
                book = floor.books.get(command.ask.instrument) or self._new_book(command.ask.instrument)
                enter_linked(LinkedAsk(command, book.asks), floor)
        except BaseException:
            floor.undo.shorten(kept)
            raise
        return events

    def mark(self) -> int:
        """A point that `take_back` can come back to, until the next `forget`."""
        return self._floor.undo.mark()

    def take_back(self, mark: int) -> None:
        """Undoes every command since the mark."""
        self._floor.undo.take_back(mark)

    def forget(self) -> None:
        """Makes everything so far final, and frees the memory that taking it back would need."""
        floor = self._floor
        floor.undo.forget()
        floor.schedule.sweep(floor.entered)

    @classmethod
    def restored(cls, zone: str | None, snapshot: dict[str, Any]) -> Shard:
        """The shard that a snapshot was taken of. Raises KeyError or TypeError for what is none."""
        shard = cls(zone)
        restore(shard._floor, snapshot)
        return shard

    def snapshot(self) -> dict[str, Any]:
        """Everything that decides later behaviour, as plain dicts, lists, strings and integers."""
        return canonical_state(self._floor)

    def state_hash(self) -> str:
        """SHA-256 over everything that decides later behaviour."""
        return state_hash(self._floor)

    def open_order(self, order_id: str) -> OpenOrder | None:
        """The order as it rests on its book now, or None if it does not."""
        order = self._floor.open.get(order_id)
        return order.view() if isinstance(order, (Bid, Ask)) else None

    def next_expiry(self) -> int | None:
        """The earliest minute at which a command would find an order expired; the present one if it is due already."""
        earliest = self._floor.schedule.earliest()
        return None if earliest is None else max(earliest, self._floor.minute)

    def cheapest_ask(self, instrument: str) -> int | None:
        """The lowest price, in micro-units per slice-minute, for which a node's slices are offered; None where none
        are."""
        book = self._floor.books.get(instrument)
        for price, level in () if book is None else book.asks:
            if any(isinstance(ask, Ask) and ask.entry.contract is None for ask in level.values()):
                return price
        return None

    def depth(self, instrument: str) -> Depth:
        """What rests on the instrument's book, by price, best first."""
        book = self._floor.books.get(instrument)
        return Depth((), ()) if book is None else book.depth(self._floor.minute)

    def peak(self, node: str, window: Window, *, linked: bool = True, offered: SliceVector | None = None) -> Capacity:
        """The most that the node has committed at any minute of the window, per resource, its linked asks by the most
        that any one of them has left, or not at all; of a node that offers so much, what such an ask is to leave alone
        counts as committed. Passed minutes count as free.

        An ask counts until a command finds it expired: let time pass (`Tick`) before asking.
        """
        start, floor = max(window.start, self._floor.minute), self._floor
        if start >= window.end:
            return Capacity(0, 0, 0)
        sharing, ahead = floor.pool.of(node) if linked else [], Window(start, window.end)
        return peak_with(sharing, floor.load, ahead, offered) if sharing else floor.load.peak(node, ahead)

    def _new_book(self, instrument: str) -> Book:
        if self.zone is not None and not instrument.startswith(f"{self.zone}."):
            raise AssertionError(f"{instrument} is not traded in zone {self.zone}")
        return self._floor.book(instrument)
