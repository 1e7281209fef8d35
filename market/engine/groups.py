"""What an exclusive group binds of its buyer's cash: as only one of its bids can trade, what the dearest one needs.

The dearest open bid (the first of these in the order of the group) has the reservation in its row, the others have
nothing in theirs; so what orders have reserved still adds up to the reserved cash. When a bid of a group leaves or
changes, the reservation goes to the one that is the dearest then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from common.errors import NestexError
from market.engine.effects import Effects
from market.engine.open_orders import OpenOrders
from market.engine.records import BidRecord, OrderRecord


def shared_reservation(group: Sequence[BidRecord]) -> list[BidRecord]:
    """These open bids of one group, of which the dearest binds what it needs, and the others nothing."""
    needs = [bid.needed_micros for bid in group]
    dearest = needs.index(max(needs))
    return [
        dataclasses.replace(bid, reserved_micros=bid.needed_micros if place == dearest else 0)
        for place, bid in enumerate(group)
    ]


def more_reserved(open_orders: OpenOrders, before: OrderRecord, after: OrderRecord) -> int:
    """How much more an order binds, with its group, when it becomes `after`."""
    if not (isinstance(after, BidRecord) and after.group):
        return after.reserved_micros - before.reserved_micros
    bids = _open_bids(open_orders, after.group)
    needs = [after.needed_micros if bid.id == after.id else bid.needed_micros for bid in bids]
    return max(needs) - sum(bid.reserved_micros for bid in bids)


@contextmanager
def at_place(place: int) -> Iterator[None]:
    """What is refused here is the bid at this place of the group: the field says so."""
    try:
        yield
    except NestexError as error:
        field = f"bids.{place}" if error.field is None else f"bids.{place}.{error.field}"
        raise type(error)(error.code, error.message, field=field, limit=error.limit) from error


def share_again(open_orders: OpenOrders, effects: Effects) -> None:
    """The groups that the command has touched bind what they need now."""
    for group in effects.groups:
        before = _open_bids(open_orders, group)
        for bid, after in zip(before, shared_reservation(before) if before else (), strict=True):
            if after != bid:
                effects.reserve(bid.participant, after.reserved_micros - bid.reserved_micros)
                effects.order_changed(after)
                open_orders.put(after)
    effects.groups.clear()


def _open_bids(open_orders: OpenOrders, group: Sequence[str]) -> list[BidRecord]:
    """The group's bids that are open, in its order."""
    return [found for order in group if isinstance(found := open_orders.get(order), BidRecord)]
