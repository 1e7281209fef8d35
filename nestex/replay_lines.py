"""The lines of the replay filter: one JSON object into the auction's command.

Source: the design's replay page, "Commands, in order".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from common.errors import InvalidInput
from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid, SelfTradePrevention, Tick, TimeInForce

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A longer line is answered as malformed, and never held as a whole."""
LARGEST_INTEGER = 10**1000
"""Beyond this, sums could have more digits than the language prints."""
_SHORT_LINE = 1_000
"""Bytes. No integer in such a line is beyond LARGEST_INTEGER."""


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
    fields, is_short = form.fields, len(line) <= _SHORT_LINE
    for name, given in value.items():
        field = fields.get(name)
        if field is None:
            raise InvalidInput("unknown_field", f"{kind} has no field {name}", field=name)
        is_plain = is_short and type(given) is field.plain
        arguments[field.attribute] = given if is_plain else field.read(given, name)
    if missing := form.required - value.keys():
        name = min(missing)
        raise InvalidInput("missing_field", f"{kind} needs {name}", field=name)
    if arguments["minute"] < 0:
        raise InvalidInput("invalid_field", "minutes count from the Unix epoch", field="minute", limit=0)
    return form.build(arguments)


@dataclass(frozen=True, slots=True)
class _Field:
    """Which attribute of the command a field of the line becomes, the type of which every value does in a short line
    (None: there is none), and what checks the others."""

    attribute: str
    plain: type | None
    read: Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """The fields of one kind of command, those that it needs, and what makes it of their values."""

    fields: dict[str, _Field]
    required: frozenset[str]
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


_PLAIN: dict[Callable[[Any, str], Any], type] = {_integer: int, _text: str, _truth: bool}


def _field(attribute: str, read: Callable[[Any, str], Any]) -> _Field:
    return _Field(attribute, _PLAIN.get(read), read)


def _same(read: Callable[[Any, str], Any], *names: str) -> dict[str, _Field]:
    return {name: _field(name, read) for name in names}


_MINUTE = _same(_integer, "minute")
_ORDER = _MINUTE | _same(_text, "order")
_PRICE = {"price": _field("price_micros", _integer)}
_ENTRY = (
    _ORDER
    | _PRICE
    | _same(_text, "instrument", "participant")
    | _same(_integer, "expires_at")
    | _same(_truth, "post_only")
    | {
        "tif": _field("time_in_force", _one_of(get_args(TimeInForce))),
        "stp": _field("self_trade_prevention", _one_of(get_args(SelfTradePrevention))),
    }
)
_ENTRY_NEEDS = frozenset(("minute", "order", "price", "instrument", "participant"))

_FORMS = {
    "bid": _Form(
        _ENTRY
        | _same(_integer, "guests", "slices_per_guest", "start_from", "start_by")
        | {"duration": _field("duration_minutes", _integer)},
        _ENTRY_NEEDS | {"guests", "slices_per_guest", "duration", "start_by"},
        _bid,
    ),
    "ask": _Form(
        _ENTRY
        | _same(_text, "node")
        | _same(_integer, "slices", "min_minutes")
        | {"from": _field("available_from", _integer), "until": _field("available_until", _integer)},
        _ENTRY_NEEDS | {"node", "slices", "from", "until"},
        _ask,
    ),
    "amend": _Form(
        _ORDER | _PRICE | _same(_integer, "guests", "slices"),
        frozenset(_ORDER),
        lambda arguments: Amend(**arguments),
    ),
    "cancel": _Form(_ORDER, frozenset(_ORDER), lambda arguments: Cancel(**arguments, reason="requested")),
    "tick": _Form(_MINUTE, frozenset(_MINUTE), lambda arguments: Tick(**arguments)),
}
