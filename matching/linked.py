"""Entry of a linked ask: as of any other, but that it belongs to its node's pool (`matching.pool`) while it is open."""

from __future__ import annotations

from matching.entry import enter
from matching.floor import Floor
from matching.orders import LinkedAsk


def enter_linked(ask: LinkedAsk, floor: Floor) -> None:
    """A linked ask enters as any ask does, and shares its node's capacity as long as it is open."""
    floor.pool.join(ask)
    enter(ask, floor)
    if ask.order not in floor.open:
        floor.pool.quit(ask)
