"""Exclusive groups: bids of which only one is to trade. As soon as one does, the others leave the book.

A group is fixed when it enters (`matching.entry`): each of its bids knows the others by id, and as no id comes again,
one that is done needs no forgetting. Here is what the rule (`matching.rule`) does after a trade of such a bid.
"""

from __future__ import annotations

from matching.floor import Floor
from matching.orders import Bid, Order


def end_rivals(winner: Bid, leaving: list[Order], floor: Floor) -> None:
    """The open rivals of a bid that has traded are done, in the order in which the group entered.

    They ask for nothing from now on, so that nobody trades with them until those who are `leaving` have left.
    """
    for name in winner.rivals:
        rival = floor.open.get(name)
        if isinstance(rival, Bid) and rival.guests_left:
            floor.cut_guests(rival, 0)
            floor.finish(rival, "exclusive_group")
            leaving.append(rival)
