"""Our auction on a stream of windowed orders that meet `size` resting ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from bench.plain_stream import Tally
from bench.windowed_stream import resting_orders, stream
from common.garbage import spare_the_collector
from matching.commands import Command
from matching.events import Trade
from matching.shard import Shard

_BATCH = 500
COMMANDS = 20_000


def prepare(size: int) -> Callable[[], Tally]:
    """A shard with the resting orders on it, and commands."""
    spare_the_collector()  # as in a deployment's engine process
    shard = Shard("z")
    before, commands = _commands(size)
    for command in before:
        shard.apply(command)
    shard.forget()

    def run() -> Tally:
        trades = traded = value = 0
        for first in range(0, len(commands), _BATCH):
            for command in commands[first : first + _BATCH]:
                for event in shard.apply(command):
                    if type(event) is Trade:
                        trades += 1
                        traded += event.guests
                        value += event.price_micros * event.guests
            shard.forget()
        return Tally(trades, traded, value)

    return run


@cache
def _commands(size: int) -> tuple[list[Command], list[Command]]:
    return list(resting_orders(size)), list(stream(COMMANDS))
