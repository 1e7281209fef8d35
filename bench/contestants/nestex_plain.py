"""Our auction on the plain stream: every order has the same window, so that all bids and asks are compatible.

A guest is one slice of an hour that starts in the next minute. Slices take no resources: a plain order loads no node.
As in the engine, changes can be taken back until they are forgotten, which happens once for every batch.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.plain_stream import Operation, Tally, operations
from common.garbage import spare_the_collector
from matching.commands import Cancel, Command, EnterAsk, EnterBid
from matching.events import Trade
from matching.shard import Shard

_MINUTE = 1_000
_BATCH = 500
_DURATION = 60
_START = _MINUTE + 1
_END = _START + _DURATION


def prepare(size: int) -> Callable[[], Tally]:
    """Commands."""
    spare_the_collector()  # as in a deployment's engine process
    shard = Shard("z")
    names = {operation.order: f"o{operation.order}" for operation in operations(size)}
    commands = [_command(operation, names[operation.order]) for operation in operations(size)]

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


def _command(operation: Operation, order: str) -> Command:
    if not operation.size:
        return Cancel(_MINUTE, order, "requested")
    if operation.is_bid:
        return EnterBid(
            minute=_MINUTE,
            order=order,
            participant="buyer",
            instrument="z.std.firm",
            price_micros=operation.price,
            guests=operation.size,
            slices_per_guest=1,
            duration_minutes=_DURATION,
            start_from=_START,
            start_by=_START,
            time_in_force="ioc" if operation.is_ioc else "gtc",
        )
    return EnterAsk(
        minute=_MINUTE,
        order=order,
        participant="seller",
        instrument="z.std.firm",
        node="node",
        price_micros=operation.price,
        slices=operation.size,
        available_from=_START,
        available_until=_END,
        min_minutes=1,
        time_in_force="ioc" if operation.is_ioc else "gtc",
        slice_vcpus=0,
        slice_memory_mib=0,
        slice_disk_gib=0,
    )
