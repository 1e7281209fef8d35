"""The auction alone: a stream of windowed orders against some thousand resting ones, and against ten times as many.

Baseline: the same command objects handed to a function that does nothing, which is the floor of any engine in Python.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.timing import paired
from matching.commands import Cancel, Command, EnterAsk, EnterBid
from matching.shard import Shard

_INSTRUMENT = "z.std.firm"
_RESTING = (5_000, 50_000)
_COMMANDS = 20_000
_BATCH = 500
_MINUTE = 1_000


def run() -> Iterator[str]:
    """Lines of the report."""
    stream = list(_stream())
    floor, _ = paired(lambda: [_nothing(command) for command in stream], lambda: None)
    for resting in _RESTING:
        rate = len(stream) / _seconds(list(_resting(resting)), stream)
        yield f"{len(stream)} commands on {resting} resting orders: {rate:,.0f} commands a second"
        yield f"a call that does nothing: {len(stream) / floor:,.0f} a second, ratio {rate * floor / len(stream):.4f}"


def _seconds(before: list[Command], stream: list[Command]) -> float:
    """What the stream takes on a book that holds what came before."""

    def auction() -> None:
        shard = Shard("z")
        for command in before:
            shard.apply(command)
        shard.forget()
        for number, command in enumerate(stream):
            shard.apply(command)
            if number % _BATCH == 0:
                shard.forget()

    def prelude() -> None:
        shard = Shard("z")
        for command in before:
            shard.apply(command)

    whole, only_before = paired(auction, prelude)
    return whole - only_before


def _nothing(command: Command) -> Command:
    return command


def _resting(count: int) -> Iterator[Command]:
    draw = random.Random(1)
    for number in range(count):
        yield (
            _ask(draw, f"r{number}", draw.randint(150, 300))
            if number % 2
            else _bid(draw, f"r{number}", draw.randint(50, 149))
        )


def _stream() -> Iterator[Command]:
    """60 % orders of which some cross, 30 % cancels, 10 % immediate-or-cancel bids."""
    draw = random.Random(2)
    entered: list[str] = []
    for number in range(_COMMANDS):
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
