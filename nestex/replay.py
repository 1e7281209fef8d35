"""The replay filter: the auction alone, commands in and events out, one JSON object a line. Behind `nestex replay`.

Source: the design's replay page; docs/replay.md is for those who use the filter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BufferedIOBase

from common.errors import Conflict, InvalidInput, NestexError
from common.garbage import spare_the_collector
from matching.commands import EnterAsk, EnterBid
from matching.events import Done, Event, Trade
from matching.shard import Shard
from nestex.replay_lines import LONGEST_LINE, read_command

_CHUNK = 64 * 1024
_quoted = json.JSONEncoder().encode


def replay(source: BufferedIOBase, sink: BufferedIOBase) -> None:
    """Answers every line of the source on the sink, and flushes whenever it has to wait for more."""
    spare_the_collector()
    filter_ = Replay()
    for lines in _arrivals(source):
        sink.write("".join([filter_.answer(line) for line in lines]).encode())
        sink.flush()
        filter_.forget()


class Replay:
    """One run of the filter: the auction of all instruments, its minute, every order id that was used, and the number
    of the last line."""

    def __init__(self) -> None:
        self._shard = Shard()
        self._used: set[str] = set()
        self._line = 0

    def answer(self, line: bytes | None) -> str:
        """The events that a line causes, a line of JSON each. None stands for a line that was too long to be held."""
        self._line += 1
        try:
            command = read_command(line)
            if command.minute < self._shard.minute:
                raise InvalidInput("invalid_field", "time does not go back", field="minute", limit=self._shard.minute)
            if isinstance(command, EnterBid | EnterAsk):
                self._use(command.order)
            events = self._shard.apply(command)
        except NestexError as error:
            return f'{{"event":"error","line":{self._line},"code":{_quoted(error.code)}}}\n'
        return "".join([_told(event) for event in events]) if events else ""

    def forget(self) -> None:
        """Frees the memory that taking the last commands back would need."""
        self._shard.forget()

    def _use(self, order: str) -> None:
        if order in self._used:
            raise Conflict("duplicate_order", "an order with this id was entered before", field="order")
        self._used.add(order)


def _arrivals(source: BufferedIOBase) -> Iterator[list[bytes | None]]:
    """Whole lines as they arrive, all that one read brought together. None for a line that was too long."""
    begun = bytearray()
    is_too_long = False
    while chunk := source.read1(_CHUNK):
        *ends, rest = chunk.split(b"\n")
        lines: list[bytes | None] = []
        for end in ends:
            begun += end
            lines.append(None if is_too_long or len(begun) > LONGEST_LINE else bytes(begun))
            begun.clear()
            is_too_long = False
        begun += rest
        if len(begun) > LONGEST_LINE:
            begun.clear()
            is_too_long = True
        if lines:
            yield lines
    if begun or is_too_long:
        yield [None if is_too_long else bytes(begun)]


def _told(event: Event) -> str:
    """Written out here: to make a dict of each event first takes twice as long."""
    if isinstance(event, Trade):
        return (
            f'{{"event":"trade","bid":{_quoted(event.bid)},"ask":{_quoted(event.ask)},"price":{event.price_micros},'
            f'"start":{event.start},"end":{event.end},"guests":{event.guests},'
            f'"slices_per_guest":{event.slices_per_guest}}}\n'
        )
    if isinstance(event, Done):
        return f'{{"event":"done","order":{_quoted(event.order)},"state":"{event.state}","reason":"{event.reason}"}}\n'
    return ""
