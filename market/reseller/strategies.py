"""What an idle slice is offered for: four strategies, pure functions of what can be seen. All stay in the corridor.

`fixed` asks the first price; `undercut` a tick less than the cheapest competitor; `decay` falls to the floor the longer
nothing is sold, because an idle minute is lost for ever; `zip` learns from trades (`market.reseller.zip_trader`).
"""

from __future__ import annotations

from dataclasses import dataclass

from common.price import Price
from market.reseller.floor import Corridor, up_to_tick
from market.reseller.settings import ResellerSettings
from market.reseller.zip_trader import MILLIS, Shout, ZipState, beginning, listen, price_of

IN_VAIN_MINUTES = 8
"""An offer that has rested for so long without a sale is a shout that nobody accepted; after as long again, another."""
_WORTH_ONE_IN = 100
"""A new price that differs by less than one per cent is not worth a place at the end of the queue."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the reseller sees of an instrument: the cheapest ask of others, the market minutes for which it has sold
    nothing itself, the trades since its last turn, and for how many minutes its own offer has rested in vain, where
    that is long enough to be a shout: else 0."""

    competitor_micros: int | None
    idle_minutes: int
    trades: tuple[Shout, ...] = ()
    vain_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """A price with its reason; `learned` is what `zip` takes along to its next turn."""

    price_micros: int
    reason: str
    learned: ZipState | None = None


def quote(settings: ResellerSettings, corridor: Corridor, sight: Sight, learned: ZipState | None, seed: str) -> Quote:
    """The price of the settings' strategy."""
    if settings.strategy == "undercut":
        return undercut(corridor, sight)
    if settings.strategy == "decay":
        return decay(corridor, sight, settings.decay_minutes)
    if settings.strategy == "zip":
        return adapt(corridor, sight, learned, seed)
    return Quote(corridor.opening_micros, "it stays as you have set it")


def undercut(corridor: Corridor, sight: Sight) -> Quote:
    """One tick below the cheapest other ask, if that lies between floor and first price."""
    if sight.competitor_micros is None:
        return Quote(corridor.opening_micros, "nobody else offers anything")
    cheapest = Price(sight.competitor_micros).hourly()
    price = min(corridor.opening_micros, corridor.clamp(sight.competitor_micros - corridor.tick_micros))
    if price < sight.competitor_micros:
        return Quote(price, f"the cheapest other offer is {cheapest}")
    return Quote(price, f"the cheapest other offer, {cheapest}, is not above your floor, which is not undercut")


def decay(corridor: Corridor, sight: Sight, decay_minutes: int) -> Quote:
    """A straight line from the first price to the floor, over `decay_minutes` without a sale."""
    left = max(0, decay_minutes - sight.idle_minutes)
    above = (corridor.opening_micros - corridor.floor_micros) * left // decay_minutes
    price = min(corridor.opening_micros, up_to_tick(corridor.floor_micros + above, corridor.tick_micros))
    idle = f"nothing has been sold for {sight.idle_minutes} minutes"
    return Quote(price, f"{idle}, and idle minutes are lost for ever, so it falls to the floor in {left} more")


def adapt(corridor: Corridor, sight: Sight, learned: ZipState | None, seed: str) -> Quote:
    """What ZIP asks after the shouts since the last turn."""
    state = learned or beginning(corridor)
    for shout in sight.trades:
        state = listen(state, shout, corridor, seed)
    if sight.vain_minutes:
        own_micros = state.price_millis // MILLIS
        cheapest = own_micros if sight.competitor_micros is None else min(own_micros, sight.competitor_micros)
        state = listen(state, Shout(cheapest, "ask", accepted=False), corridor, seed)
    return Quote(price_of(state, corridor), _what_it_learned(sight, state), state)


def rested_in_vain(rested_minutes: int) -> bool:
    """Whether an offer is one that nobody wanted, which has rested for so long since a sale or the last such shout."""
    return rested_minutes >= IN_VAIN_MINUTES


def worth_changing(old_micros: int, new_micros: int, corridor: Corridor) -> bool:
    """Whether an offer should move: by a per cent at least, or on to an end of the corridor, or back into it."""
    if new_micros == old_micros:
        return False
    if new_micros in (corridor.floor_micros, corridor.opening_micros) or old_micros < corridor.floor_micros:
        return True
    return abs(new_micros - old_micros) * _WORTH_ONE_IN >= old_micros


def _what_it_learned(sight: Sight, state: ZipState) -> str:
    if sight.vain_minutes:
        return f"your offer has found nobody for {sight.vain_minutes} minutes, so it asks less"
    if sight.trades:
        several = "a trade was" if len(sight.trades) == 1 else f"{len(sight.trades)} trades were"
        return f"{several} made since its last look: it asks more where others pay more than it asks, else less"
    if state.heard == 0:
        return "it has not seen anybody trade yet, and begins with your first price"
    return f"{state.heard} trades and vain offers have taught it that, and nothing is new"
