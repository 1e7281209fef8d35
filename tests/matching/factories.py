"""Commands with everything that a story does not care about filled in."""

from __future__ import annotations

from matching.commands import Cancel, EnterAsk, EnterBid, TimeInForce

NOW = 1000
"""The minute at which stories begin; the first minute that can trade is the next one."""
SOON = NOW + 1


def bid(
    order: str,
    price: int = 100,
    *,
    minute: int = NOW,
    participant: str = "buyer",
    instrument: str = "z.std.firm",
    guests: int = 1,
    slices: int = 1,
    duration: int = 60,
    start_from: int = SOON,
    start_by: int = SOON,
    tif: TimeInForce = "gtc",
) -> EnterBid:
    """A bid for one guest of one slice for an hour, starting at the next minute."""
    return EnterBid(minute, order, participant, instrument, price, guests, slices, duration, start_from, start_by, tif)


def ask(
    order: str,
    price: int = 100,
    *,
    minute: int = NOW,
    participant: str = "seller",
    instrument: str = "z.std.firm",
    node: str = "node",
    slices: int = 1,
    start: int = SOON,
    until: int = SOON + 60,
    min_minutes: int = 1,
    tif: TimeInForce = "gtc",
    vector: tuple[int, int, int] = (1, 2048, 10),
) -> EnterAsk:
    """An ask for one slice during the next hour."""
    return EnterAsk(
        minute, order, participant, instrument, node, price, slices, start, until, min_minutes, tif, *vector
    )


def cancel(order: str, *, minute: int = NOW) -> Cancel:
    """Its participant cancels an order."""
    return Cancel(minute, order, "requested")
