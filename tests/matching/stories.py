"""What a story tells: the events of its last command, by the book and by the slow reading alike."""

from __future__ import annotations

from matching.auditor.twin import Twin
from matching.commands import Command
from matching.events import Done, DoneState, Event, Trade
from matching.shard import Shard


def play(*commands: Command) -> list[Event]:
    """The events of the last command."""
    shard, twin = Shard("z"), Twin()
    events: list[Event] = []
    for command in commands:
        events = shard.apply(command)
        assert events == twin.apply(command)
    return events


def trades(*commands: Command) -> list[Trade]:
    return [event for event in play(*commands) if isinstance(event, Trade)]


def partners(*commands: Command) -> list[str]:
    """The resting orders that the last command traded with, in execution order."""
    return [trade.ask if trade.taker_side == "bid" else trade.bid for trade in trades(*commands)]


def ends(*commands: Command) -> list[tuple[str, DoneState, str]]:
    """The orders that the last command finished: id, state, reason."""
    return [(event.order, event.state, event.reason) for event in play(*commands) if isinstance(event, Done)]
