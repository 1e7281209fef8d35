"""Amendment of a resting order. What the rule refuses changes nothing and causes no event.

Source: the design's market rules, "Orders", and replay page, "Fine print of the rule".
"""

from __future__ import annotations

from matching.commands import Amend
from matching.entry import enter_again
from matching.events import Amended
from matching.floor import Floor
from matching.orders import Ask, Bid


def amend(command: Amend, floor: Floor) -> None:
    """Changes the order if it is open, of the side that has the field, and the rule lets it."""
    order = floor.open.get(command.order)
    if order is None:
        return
    if command.price_micros is not None:
        enter_again(order, command, command.price_micros, floor)
    elif command.guests is not None and isinstance(order, Bid):
        _ask_for_fewer_guests(order, command.guests, floor)
    elif command.slices is not None and isinstance(order, Ask):
        _offer_fewer_slices(order, command.slices, floor)


def _ask_for_fewer_guests(bid: Bid, guests: int, floor: Floor) -> None:
    traded = bid.guests - bid.guests_left
    if not traded <= guests < bid.guests:
        return
    floor.events.append(Amended(bid.order))
    floor.cut_guests(bid, guests)
    if bid.guests_left == 0:
        floor.close(bid, "fully_filled")


def _offer_fewer_slices(ask: Ask, slices: int, floor: Floor) -> None:
    if slices >= ask.slices or ask.entry.contract is not None:
        return
    floor.events.append(Amended(ask.order))
    floor.cut_slices(ask, slices)
    if ask.expiry_minute <= floor.minute:
        floor.close(ask, "amended_away")
