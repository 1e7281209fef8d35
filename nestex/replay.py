"""The replay filter: the auction alone, commands in and events out, one JSON object a line. Behind `nestex replay`.

Source: the design's replay page; docs/replay.md is for those who use the filter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any, get_args

from common.errors import Conflict, InvalidInput, NestexError
from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid, SelfTradePrevention, Tick, TimeInForce
from matching.events import Done, Event, Trade
from matching.shard import Shard

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A longer line is answered as malformed, and never held as a whole."""
LARGEST_INTEGER = 10**1000
"""Beyond this, sums could have more digits than the language prints."""

_CHUNK = 64 * 1024

_to_json = json.JSONEncoder(separators=(",", ":")).encode


def replay(source: BufferedIOBase, sink: BufferedIOBase) -> None:
    """Answers every line of the source on the sink, and flushes whenever it has to wait for more."""
    filter_ = Replay()
    for lines in _arrivals(source):
        sink.write("".join(answer + "\n" for line in lines for answer in filter_.answer(line)).encode())
        sink.flush()


class Replay:
    """One run of the filter: the auction of all instruments, its minute, every order id that was used, and the number
    of the last line."""

    def __init__(self) -> None:
        self._shard = Shard()
        self._used: set[str] = set()
        self._line = 0

    def answer(self, line: bytes | None) -> list[str]:
        """The events that a line causes, as JSON. None stands for a line that was too long to be held."""
        self._line += 1
        try:
            command = read_command(line)
            if command.minute < self._shard.minute:
                raise InvalidInput("invalid_field", "time does not go back", field="minute", limit=self._shard.minute)
            if isinstance(command, EnterBid | EnterAsk):
                self._use(command.order)
            events = self._shard.apply(command)
        except NestexError as error:
            return [_to_json({"event": "error", "line": self._line, "code": error.code})]
        self._shard.forget()
        return [_to_json(answer) for event in events if (answer := _answer(event)) is not None]

    def _use(self, order: str) -> None:
        if order in self._used:
            raise Conflict("duplicate_order", "an order with this id was entered before", field="order")
        self._used.add(order)


def read_command(line: bytes | None) -> Command:
    """The command in a line.

    Raises InvalidInput: `body_too_large`, `malformed_body`, `unknown_field`, `missing_field` or `invalid_field`.
    """
    if line is None:
        raise InvalidInput("body_too_large", "the line is too long", limit=LONGEST_LINE)
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInput("malformed_body", "the line is no JSON") from error
    if not isinstance(value, dict):
        raise InvalidInput("malformed_body", "the line is no JSON object")
    kind = value.pop("kind", None)
    form = _FORMS.get(kind) if isinstance(kind, str) else None
    if form is None:
        raise InvalidInput("invalid_field" if kind is not None else "missing_field", "no such command", field="kind")
    arguments: dict[str, Any] = {}
    for name, given in value.items():
        field = form.fields.get(name)
        if field is None:
            raise InvalidInput("unknown_field", f"{kind} has no field {name}", field=name)
        arguments[field.attribute] = field.read(given, name)
    for name in form.required:
        if name not in value:
            raise InvalidInput("missing_field", f"{kind} needs {name}", field=name)
    if arguments["minute"] < 0:
        raise InvalidInput("invalid_field", "minutes count from the Unix epoch", field="minute", limit=0)
    return form.build(arguments)


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


def _answer(event: Event) -> dict[str, Any] | None:
    if isinstance(event, Trade):
        return {
            "event": "trade",
            "bid": event.bid,
            "ask": event.ask,
            "price": event.price_micros,
            "start": event.start,
            "end": event.end,
            "guests": event.guests,
            "slices_per_guest": event.slices_per_guest,
        }
    if isinstance(event, Done):
        return {"event": "done", "order": event.order, "state": event.state, "reason": event.reason}
    return None


@dataclass(frozen=True, slots=True)
class _Field:
    """Which attribute of the command a field of the line becomes, and what checks it."""

    attribute: str
    read: Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """The fields of one kind of command, those that it needs, and what makes it of their values."""

    fields: dict[str, _Field]
    required: tuple[str, ...]
    build: Callable[[dict[str, Any]], Command]


def _bid(arguments: dict[str, Any]) -> Command:
    arguments.setdefault("start_from", arguments["minute"] + 1)
    arguments.setdefault("time_in_force", "gtc")
    return EnterBid(**arguments)


def _ask(arguments: dict[str, Any]) -> Command:
    arguments.setdefault("min_minutes", 1)
    arguments.setdefault("time_in_force", "gtc")
    return EnterAsk(**arguments, slice_vcpus=0, slice_memory_mib=0, slice_disk_gib=0)  # nodes have no capacity here


def _integer(given: Any, name: str) -> int:
    if type(given) is not int or not -LARGEST_INTEGER <= given <= LARGEST_INTEGER:
        raise InvalidInput("invalid_field", f"{name} must be an integer", field=name)
    return given


def _text(given: Any, name: str) -> str:
    if type(given) is not str:
        raise InvalidInput("invalid_field", f"{name} must be a string", field=name)
    return given


def _truth(given: Any, name: str) -> bool:
    if type(given) is not bool:
        raise InvalidInput("invalid_field", f"{name} must be true or false", field=name)
    return given


def _one_of(choices: tuple[str, ...]) -> Callable[[Any, str], str]:
    def read(given: Any, name: str) -> str:
        if type(given) is not str or given not in choices:
            raise InvalidInput("invalid_field", f"{name} must be one of {', '.join(choices)}", field=name)
        return given

    return read


def _same(read: Callable[[Any, str], Any], *names: str) -> dict[str, _Field]:
    return {name: _Field(name, read) for name in names}


_MINUTE = _same(_integer, "minute")
_ORDER = _MINUTE | _same(_text, "order")
_PRICE = {"price": _Field("price_micros", _integer)}
_ENTRY = (
    _ORDER
    | _PRICE
    | _same(_text, "instrument", "participant")
    | _same(_integer, "expires_at")
    | _same(_truth, "post_only")
    | {
        "tif": _Field("time_in_force", _one_of(get_args(TimeInForce))),
        "stp": _Field("self_trade_prevention", _one_of(get_args(SelfTradePrevention))),
    }
)
_ENTRY_NEEDS = ("minute", "order", "price", "instrument", "participant")

_FORMS = {
    "bid": _Form(
        _ENTRY
        | _same(_integer, "guests", "slices_per_guest", "start_from", "start_by")
        | {"duration": _Field("duration_minutes", _integer)},
        (*_ENTRY_NEEDS, "guests", "slices_per_guest", "duration", "start_by"),
        _bid,
    ),
    "ask": _Form(
        _ENTRY
        | _same(_text, "node")
        | _same(_integer, "slices", "min_minutes")
        | {"from": _Field("available_from", _integer), "until": _Field("available_until", _integer)},
        (*_ENTRY_NEEDS, "node", "slices", "from", "until"),
        _ask,
    ),
    "amend": _Form(
        _ORDER | _PRICE | _same(_integer, "guests", "slices"),
        ("minute", "order"),
        lambda arguments: Amend(**arguments),
    ),
    "cancel": _Form(_ORDER, ("minute", "order"), lambda arguments: Cancel(**arguments, reason="requested")),
    "tick": _Form(_MINUTE, ("minute",), lambda arguments: Tick(**arguments)),
}
