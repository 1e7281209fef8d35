"""Frozen dataclasses to JSON bytes and back, strictly: the codec of everything that crosses a process boundary.

Supported field types: `int`, `str`, `bool`, `None` unions, `Literal`, nested dataclasses, `tuple[T, ...]`, `dict[str,
T]` and `Any` (JSON that is passed on as it is). A field with a default may be absent; an unknown field is refused,
unless `lenient` (what a newer sender may have added); a value of another type is always refused. Floats do not exist
here.
"""

from __future__ import annotations

import dataclasses
import json
import types
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from common.errors import InvalidInput

T = TypeVar("T")


def encode(message: Any) -> bytes:
    """Compact JSON of a dataclass, keys in field order: the same message gives the same bytes."""
    return json.dumps(to_json(message), separators=(",", ":"), ensure_ascii=False).encode()


def to_json(value: Any) -> Any:
    """The dataclass as plain dicts, lists, strings and integers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in _field_types(type(value))}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value


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
    hints = _field_types(kind)
    if not lenient and (unknown := value.keys() - hints.keys()):
        raise _malformed(f"{path}.{min(unknown)}", "is not a known field")
    arguments = {
        name: _value(hint, value[name], f"{path}.{name}", lenient) for name, hint in hints.items() if name in value
    }
    for field in dataclasses.fields(kind):
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if field.name not in arguments and not has_default:
            raise _malformed(f"{path}.{field.name}", "is missing")
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
    if origin is tuple:
        if not isinstance(value, list):
            raise _malformed(path, "must be a list")
        return tuple(_value(get_args(hint)[0], item, f"{path}[{index}]", lenient) for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise _malformed(path, "must be an object")
        return {key: _value(get_args(hint)[1], item, f"{path}.{key}", lenient) for key, item in value.items()}
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


@cache
def _field_types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
