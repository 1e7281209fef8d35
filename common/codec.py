"""Frozen dataclasses to JSON bytes and back, strictly: the codec of everything that crosses a process boundary.

Supported field types: `int`, `str`, `bool`, `None` unions, `Literal`, nested dataclasses, `tuple[T, ...]`, `dict[str,
T]` and `Any` (JSON that is passed on as it is); a bare `tuple`, which is all that a class compiled by mypyc keeps of
`tuple[str, ...]`, holds strings. A field with a default may be absent; an unknown field is refused,
unless `lenient` (what a newer sender may have added); a value of another type is always refused. Floats do not exist
here.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from common.errors import InvalidInput

T = TypeVar("T")

_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_SCALARS: frozenset[Any] = frozenset((int, str, bool, type(None)))


def encode(message: Any) -> bytes:
    """Compact JSON of a dataclass, keys in field order: the same message gives the same bytes."""
    return compact(to_json(message)).encode()


def compact(value: Any) -> str:
    """Compact JSON of what `to_json` gives."""
    return _COMPACT.encode(value)


def to_json(value: Any) -> Any:
    """The dataclass as plain dicts, lists, strings and integers."""
    kind: Any = type(value)
    if kind in _SCALARS:
        return value
    if kind is tuple:
        return [to_json(item) for item in value]
    if kind is dict:
        return {key: to_json(item) for key, item in value.items()}
    shape = _shape(kind)
    if shape is None:
        return value
    fields = dict(zip(shape.names, shape.read(value), strict=True))
    for name in shape.nested:
        fields[name] = to_json(fields[name])
    return fields


def decode(kind: type[T], data: bytes, *, lenient: bool = False) -> T:
    """The message of this kind in the bytes. Raises InvalidInput (`message_malformed`) that names the field."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _malformed((None, "message"), f"is no JSON: {error}") from error
    return from_json(kind, value, lenient=lenient)


def from_json(kind: type[T], value: Any, *, lenient: bool = False) -> T:
    """The message of this kind in parsed JSON. Raises InvalidInput (`message_malformed`) that names the field."""
    place, hint = (None, kind.__name__), cast(Any, kind)  # a class is hashable, whatever it is a class of
    if not isinstance(value, dict):
        raise _malformed(place, "must be an object")
    message: T = _reader(hint)(value, place, lenient)
    return message


_Place = tuple[Any, str | int]
"""Where in a message a value stands: the place around it (None for the message itself), and its name or index there."""
_Reader = Callable[[Any, _Place, bool], Any]
"""Takes parsed JSON, its place, and whether unknown fields are passed over."""


@cache
def _reader(hint: Any) -> _Reader:
    """What reads values of this type: made once, because to ask a type what it is costs more than to read a value."""
    origin = get_origin(hint)
    if hint is Any:
        return lambda value, _place, _lenient: value
    if origin in (Union, types.UnionType):
        return _union_reader(get_args(hint))
    if origin is Literal:
        return _literal_reader(get_args(hint))
    if origin is tuple or hint is tuple:
        return _tuple_reader(_reader(get_args(hint)[0] if origin is tuple else str))
    if origin is dict:
        return _dict_reader(_reader(get_args(hint)[1]))
    if dataclasses.is_dataclass(hint):
        return _dataclass_reader(hint)
    return _scalar_reader(hint)


def _dataclass_reader(kind: Any) -> _Reader:
    shape = _shape(kind)
    assert shape is not None
    known, required = frozenset(shape.names), shape.required
    fields = [(name, shape.at_once[name], _reader(shape.hints[name])) for name in shape.names]

    def read(value: Any, place: _Place, lenient: bool) -> Any:
        if type(value) is kind:
            return value  # a part that the caller has decoded already
        if not isinstance(value, dict):
            raise _malformed(place, "must be an object")
        if not lenient and not known.issuperset(value):
            raise _malformed((place, min(value.keys() - known)), "is not a known field")
        arguments = {}
        for name, at_once, read_field in fields:
            if name in value:
                item = value[name]
                arguments[name] = item if type(item) in at_once else read_field(item, (place, name), lenient)
            elif name in required:
                raise _malformed((place, name), "is missing")
        return kind(**arguments)

    return read


def _union_reader(options: tuple[Any, ...]) -> _Reader:
    is_optional = type(None) in options
    read_other = _reader(next(option for option in options if option is not type(None)))

    def read(value: Any, place: _Place, lenient: bool) -> Any:
        if value is None and is_optional:
            return None
        return read_other(value, place, lenient)

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> _Reader:
    def read(value: Any, place: _Place, _lenient: bool) -> Any:
        if value not in allowed:
            raise _malformed(place, f"must be one of {', '.join(map(str, allowed))}")
        return value

    return read


def _tuple_reader(read_item: _Reader) -> _Reader:
    def read(value: Any, place: _Place, lenient: bool) -> Any:
        if not isinstance(value, list):
            raise _malformed(place, "must be a list")
        return tuple([read_item(item, (place, index), lenient) for index, item in enumerate(value)])

    return read


def _dict_reader(read_item: _Reader) -> _Reader:
    def read(value: Any, place: _Place, lenient: bool) -> Any:
        if not isinstance(value, dict):
            raise _malformed(place, "must be an object")
        return {key: read_item(item, (place, key), lenient) for key, item in value.items()}

    return read


def _scalar_reader(kind: type[Any]) -> _Reader:
    def read(value: Any, place: _Place, _lenient: bool) -> Any:
        if type(value) is not kind:
            raise _malformed(place, f"must be of type {kind.__name__}")
        return value

    return read


def _malformed(place: _Place, problem: str) -> InvalidInput:
    path = _path(place)
    return InvalidInput("message_malformed", f"{path} {problem}", field=path)


def _path(place: _Place) -> str:
    around, name = place
    if around is None:
        return str(name)
    return f"{_path(around)}[{name}]" if isinstance(name, int) else f"{_path(around)}.{name}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    """What the codec must know of a dataclass, found out once. `nested` are the fields whose values may need more than
    to be taken as they are, `at_once` the types of value that a field takes without a further look."""

    names: tuple[str, ...]
    hints: dict[str, Any]
    required: frozenset[str]
    nested: tuple[str, ...]
    at_once: dict[str, frozenset[type]]
    read: Callable[[Any], tuple[Any, ...]]


@cache
def _shape(kind: Any) -> _Shape | None:
    """None for what is no dataclass."""
    if not dataclasses.is_dataclass(kind):
        return None
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    names = tuple(field.name for field in fields)
    at_once = {name: _taken_at_once(hints[name]) for name in names}
    return _Shape(
        names=names,
        hints={name: hints[name] for name in names},
        required=frozenset(field.name for field in fields if not _has_default(field)),
        nested=tuple(name for name in names if not at_once[name] and get_origin(hints[name]) is not Literal),
        at_once=at_once,
        read=attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names),
    )


def _taken_at_once(hint: Any) -> frozenset[type]:
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return frozenset(options) if _SCALARS.issuperset(options) else frozenset()


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
