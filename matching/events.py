"""What a command caused: events of the auction, the states of an order, and why an order is done.

The engine turns events into rows, reservations and ledger transfers; `Amended`, `Trade` and `Cut` precede the `Done`
that they lead to. An order that enters, trades nothing and rests causes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.states import state_table

Side = Literal["bid", "ask"]
DoneState = Literal["filled", "canceled", "expired", "rejected"]

ORDER_STATES = state_table(
    "order",
    """
    new              -> partially_filled filled canceled expired rejected
    partially_filled -> filled canceled expired
    """,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """The state in which an order ends for a reason, and the sentence that explains it."""

    state: DoneState
    sentence: str


REASONS: dict[str, Reason] = {
    "fully_filled": Reason("filled", "Everything that the order asked for or offered has traded."),
    "requested": Reason("canceled", "Its participant canceled it."),
    "ioc_remainder": Reason("canceled", "What an immediate-or-cancel order could not trade on entry does not rest."),
    "self_trade": Reason(
        "canceled",
        "Two compatible orders of one participant met, and the incoming one's prevention mode chose this one.",
    ),
    "exclusive_group": Reason("canceled", "Another bid of its exclusive group has traded."),
    "linked": Reason(
        "canceled", "It was linked with other offers of its node, and what they have sold has left it too little."
    ),
    "amended_away": Reason("canceled", "Its participant took so many slices off it that no contract fits any more."),
    "node_lost": Reason("canceled", "The node behind it is lost: its agent has been silent for too long."),
    "node_drained": Reason("canceled", "Its provider drains the node behind it: nothing more of it is sold."),
    "contract_over": Reason("canceled", "The contract whose rest it offered has ended, or its guest has failed."),
    "window_passed": Reason(
        "expired", "Time has passed, or trades have left too little: its window can no longer be served."
    ),
    "expires_at_reached": Reason("expired", "The minute until which it was good has come."),
    "window_unservable": Reason("rejected", "Its window could not be served at any time when it was entered."),
    "expires_at_passed": Reason("rejected", "The minute until which it should be good had come when it was entered."),
    "fok_ask": Reason("rejected", "Fill-or-kill means all guests at once, and an ask has none."),
    "fok_unfilled": Reason("rejected", "Not every guest of a fill-or-kill bid could trade at once."),
    "instrument_halted": Reason("rejected", "Trading in the instrument is halted: no order enters."),
    "instrument_cancel_only": Reason("rejected", "Orders of the instrument can be canceled, and none enters."),
    "instrument_post_only": Reason(
        "rejected", "The instrument takes no order that would trade at once, and a compatible order rested."
    ),
    "post_only_would_trade": Reason("rejected", "It was not to trade on entry, and a compatible order rested."),
}
"""The closed list of reasons. A reason that is not listed is a programming error."""

STATES: dict[str, DoneState] = {name: reason.state for name, reason in REASONS.items()}
"""The state in which an order ends for a reason."""


# Events are made by the million: an `__init__` of their own, and no freezing, which would treble what one costs. mypyc
# compiles these, and would call the ones that dataclasses generates through the interpreter. Nobody changes an event.


@dataclass(init=False, slots=True, unsafe_hash=True)
class Amended:
    """The open order was changed; if its price was, it meets the book again now, and its trades follow."""

    order: str

    def __init__(self, order: str) -> None:
        self.order = order


@dataclass(init=False, slots=True, unsafe_hash=True)
class Trade:
    """Guests of a bid get the window [start, end) from an ask, at the resting order's price per slice-minute."""

    bid: str
    ask: str
    price_micros: int
    start: int
    end: int
    guests: int
    slices_per_guest: int
    taker_side: Side

    def __init__(
        self,
        bid: str,
        ask: str,
        price_micros: int,
        start: int,
        end: int,
        guests: int,
        slices_per_guest: int,
        taker_side: Side,
    ) -> None:
        self.bid = bid
        self.ask = ask
        self.price_micros = price_micros
        self.start = start
        self.end = end
        self.guests = guests
        self.slices_per_guest = slices_per_guest
        self.taker_side = taker_side


@dataclass(init=False, slots=True, unsafe_hash=True)
class Cut:
    """An open linked ask has lost so many slice-minutes, because another ask of its node has sold."""

    order: str
    slice_minutes: int

    def __init__(self, order: str, slice_minutes: int) -> None:
        self.order = order
        self.slice_minutes = slice_minutes


@dataclass(init=False, slots=True, unsafe_hash=True)
class Done:
    """The order left the book, or never got onto it. Exactly one for every order."""

    order: str
    state: DoneState
    reason: str

    def __init__(self, order: str, state: DoneState, reason: str) -> None:
        self.order = order
        self.state = state
        self.reason = reason


Event = Amended | Trade | Cut | Done
