"""`matching-engine`: the core of that package, without its journal and gateway. It needs Python 3.12."""

from __future__ import annotations

from collections.abc import Callable

from matching_engine.domain import CancelOrder, NewOrder, OrderType, SelfTradePrevention, SequencedCommand, Side
from matching_engine.domain import TimeInForce as Tif
from matching_engine.engine import MatchingEngine
from matching_engine.events import Trade

from bench.plain_stream import Operation, Tally, operations


def prepare(size: int) -> Callable[[], Tally]:
    """Sequenced commands."""
    engine = MatchingEngine()
    commands, sides = list[SequencedCommand](), dict[int, bool]()
    for number, operation in enumerate(operations(size), 1):
        if operation.size:
            sides[operation.order] = operation.is_bid
        commands.append(SequencedCommand(number, number, _command(operation, sides)))

    def run() -> Tally:
        trades = traded = value = 0
        for command in commands:
            for event in engine.process(command):
                if type(event) is Trade:
                    trades += 1
                    traded += event.qty
                    value += event.price * event.qty
        return Tally(trades, traded, value)

    return run


def _command(operation: Operation, sides: dict[int, bool]) -> NewOrder | CancelOrder:
    account = 1 if sides[operation.order] else 2  # buyers and sellers apart, as in ours
    if not operation.size:
        return CancelOrder(operation.order, account)
    return NewOrder(
        operation.order,
        account,
        Side.BUY if operation.is_bid else Side.SELL,
        operation.price,
        operation.size,
        OrderType.LIMIT,
        Tif.IOC if operation.is_ioc else Tif.GTC,
        stp=SelfTradePrevention.CANCEL_TAKER,
    )
