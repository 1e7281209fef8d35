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
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

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
        raise _malformed("message", f"is no JSON: {error}") from error
    return from_json(kind, value, lenient=lenient)


def from_json(kind: type[T], value: Any, *, lenient: bool = False) -> T:
    """The message of this kind in parsed JSON. Raises InvalidInput (`message_malformed`) that names the field."""
    message: T = _dataclass(kind, value, kind.__name__, lenient)
    return message


def _dataclass(kind: Any, value: Any, path: str, lenient: bool) -> Any:
    if not isinstance(value, dict):
        raise _malformed(path, "must be an object")
    shape = _shape(kind)
    if shape is None:
        raise AssertionError(f"{kind} is no dataclass")
    if not lenient and (unknown := value.keys() - shape.hints.keys()):
        raise _malformed(f"{path}.{min(unknown)}", "is not a known field")
    arguments = {}
    for name, at_once in shape.at_once.items():
        if name in value:
            item = value[name]
            arguments[name] = (
                item if type(item) in at_once else _value(shape.hints[name], item, f"{path}.{name}", lenient)
            )
        elif name in shape.required:
            raise _malformed(f"{path}.{name}", "is missing")
    return kind(**arguments)


def _value(hint: Any, value: Any, path: str, lenient: bool) -> Any:
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not type(None)]
        if value is None:
            return _none(hint, path)
        return _value(options[0], value, path, lenient)
    if origin is Literal:
        if value not in get_args(hint):
            raise _malformed(path, f"must be one of {', '.join(map(str, get_args(hint)))}")
        return value
    if origin is tuple or hint is tuple:
        if not isinstance(value, list):
            raise _malformed(path, "must be a list")
        kind = get_args(hint)[0] if origin is tuple else str
        return tuple(_value(kind, item, f"{path}[{index}]", lenient) for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise _malformed(path, "must be an object")
        kind = get_args(hint)[1]
        if kind is Any:
            return value
        return {key: _value(kind, item, f"{path}.{key}", lenient) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        if type(value) is hint:
            return value  # a part that the caller has decoded already
        return _dataclass(hint, value, path, lenient)
    if type(value) is not hint:
        raise _malformed(path, f"must be of type {hint.__name__}")
    return value


def _none(hint: Any, path: str) -> None:
    if type(None) not in get_args(hint):
        raise _malformed(path, "must not be null")


def _malformed(path: str, problem: str) -> InvalidInput:
    return InvalidInput("message_malformed", f"{path} {problem}", field=path)


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
