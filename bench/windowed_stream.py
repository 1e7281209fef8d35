"""The windowed stream: orders of many windows, sizes and durations, and a book of them to meet, from fixed seeds."""

from __future__ import annotations

import random
from collections.abc import Iterator

from matching.commands import Cancel, Command, EnterAsk, EnterBid

_INSTRUMENT = "z.std.firm"
_MINUTE = 1_000


def resting_orders(count: int) -> Iterator[Command]:
    """Bids and asks that do not cross: nothing trades before the stream."""
    draw = random.Random(1)
    for number in range(count):
        yield (
            _ask(draw, f"r{number}", draw.randint(150, 300))
            if number % 2
            else _bid(draw, f"r{number}", draw.randint(50, 149))
        )


def stream(count: int) -> Iterator[Command]:
    """60 % orders of which some cross, 30 % cancels, 10 % immediate-or-cancel bids."""
    draw = random.Random(2)
    entered: list[str] = []
    for number in range(count):
        kind = draw.random()
        if kind < 0.3 and entered:
            yield Cancel(_MINUTE, entered.pop(draw.randrange(len(entered))), "requested")
            continue
        order = f"s{number}"
        entered.append(order)
        if kind < 0.4:
            yield _bid(draw, order, draw.randint(140, 200), "ioc")
        elif kind < 0.7:
            yield _bid(draw, order, draw.randint(50, 170))
        else:
            yield _ask(draw, order, draw.randint(130, 300))


def _bid(draw: random.Random, order: str, price: int, time_in_force: str = "gtc") -> EnterBid:
    start = _MINUTE + 1 + draw.randint(0, 600)
    return EnterBid(
        minute=_MINUTE,
        order=order,
        participant=f"b{draw.randint(1, 50)}",
        instrument=_INSTRUMENT,
        price_micros=price,
        guests=draw.randint(1, 3),
        slices_per_guest=draw.randint(1, 4),
        duration_minutes=draw.randint(10, 240),
        start_from=start,
        start_by=start + draw.randint(0, 120),
        time_in_force="ioc" if time_in_force == "ioc" else "gtc",
    )


def _ask(draw: random.Random, order: str, price: int) -> EnterAsk:
    start = _MINUTE + 1 + draw.randint(0, 300)
    return EnterAsk(
        minute=_MINUTE,
        order=order,
        participant=f"a{draw.randint(1, 50)}",
        instrument=_INSTRUMENT,
        node=f"n{draw.randint(1, 200)}",
        price_micros=price,
        slices=draw.randint(1, 16),
        available_from=start,
        available_until=start + draw.randint(60, 1440),
        min_minutes=1,
        time_in_force="gtc",
        slice_vcpus=1,
        slice_memory_mib=2048,
        slice_disk_gib=10,
    )
