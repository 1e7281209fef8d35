"""One journal block: the commands of one committed batch, with the outside facts that the engine used for each.

The journal is what a shard is rebuilt from, so blocks are readable for ever (`version`), and the same content gives the
same bytes. `facts` mean nothing here: the engine writes them, it and the auditor read them when they replay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import Any, NoReturn

from common.codec import from_json, to_json
from common.errors import InvalidInput
from matching.commands import Amend, Cancel, Command, EnterAsk, EnterBid, EnterGroup, EnterLinkedAsk, Free, Tick

JOURNAL_VERSION = 1

KINDS: dict[str, type[Command]] = {
    "bid": EnterBid,
    "ask": EnterAsk,
    "amend": Amend,
    "cancel": Cancel,
    "tick": Tick,
    "free": Free,
    "group": EnterGroup,
    "linked_ask": EnterLinkedAsk,
}
_SCALARS = frozenset((int, str, bool, type(None)))
_KIND_OF: dict[type[Any], str] = {command: kind for kind, command in KINDS.items()}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One command: its sequence number in the shard, the market time at which it was stamped, and the facts it used.

    `facts` is a JSON object of integers, strings, booleans, nulls, lists and objects. No floats. Who writes a block may
    put dataclasses of `common.codec` into it; who reads it gets their JSON.
    """

    sequence: int
    at_micros: int
    command: Command
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JournalBlock:
    """The entries of a batch in rising sequence, none below `first_sequence`. A command that raised leaves a gap."""

    shard: str
    first_sequence: int
    entries: tuple[JournalEntry, ...]


def encode_block(block: JournalBlock, to_bytes: Callable[[Any], bytes] | None = None) -> bytes:
    """Compact JSON with sorted keys. Something else than the standard library may make it, and must make the same bytes
    of dicts, lists and dataclasses."""
    _check_sequences(block)
    value = {
        "version": JOURNAL_VERSION,
        "shard": block.shard,
        "first_sequence": block.first_sequence,
        "entries": [
            {
                "sequence": entry.sequence,
                "at_micros": entry.at_micros,
                "kind": _KIND_OF[type(entry.command)],
                "command": entry.command,
                "facts": _plain(entry.facts, "facts"),
            }
            for entry in block.entries
        ],
    }
    return (to_bytes or _to_bytes)(value)


def decode_block(data: bytes) -> JournalBlock:
    """The block in the bytes. Raises InvalidInput (`message_malformed`) that names the place."""
    try:
        value = json.loads(data, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise _malformed("", f"is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _malformed("", "must be an object")
    if (version := value.get("version")) != JOURNAL_VERSION:
        raise _malformed("version", f"is {version!r}; this program reads {JOURNAL_VERSION}")
    entries = _field(value, "entries", list, "")
    block = JournalBlock(
        shard=_field(value, "shard", str, ""),
        first_sequence=_field(value, "first_sequence", int, ""),
        entries=tuple(_entry(entry, f"entries[{index}]") for index, entry in enumerate(entries)),
    )
    _check_sequences(block)
    return block


def _entry(value: Any, path: str) -> JournalEntry:
    if not isinstance(value, dict):
        raise _malformed(path, "must be an object")
    kind = _field(value, "kind", str, path)
    if kind not in KINDS:
        raise _malformed(f"{path}.kind", f"must be one of {', '.join(KINDS)}")
    try:
        command: Command = from_json(KINDS[kind], _field(value, "command", dict, path))
    except InvalidInput as error:
        raise _malformed(f"{path}.command", f"is refused: {error.message}") from error
    return JournalEntry(
        sequence=_field(value, "sequence", int, path),
        at_micros=_field(value, "at_micros", int, path),
        command=command,
        facts=_field(value, "facts", dict, path),
    )


def _field(value: dict[str, Any], name: str, kind: type[Any], path: str) -> Any:
    place = f"{path}.{name}" if path else name
    if name not in value:
        raise _malformed(place, "is missing")
    if type(value[name]) is not kind:
        raise _malformed(place, f"must be of type {kind.__name__}")
    return value[name]


def _check_sequences(block: JournalBlock) -> None:
    lowest = block.first_sequence
    for index, entry in enumerate(block.entries):
        if entry.sequence < lowest:
            raise _malformed(f"entries[{index}].sequence", f"is {entry.sequence}, must be at least {lowest}")
        lowest = entry.sequence + 1


def _to_bytes(value: Any) -> bytes:
    return json.dumps(value, default=to_json, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def _plain(value: Any, path: str) -> Any:
    """The value itself, once it is certain that its JSON can be read back as the same value, or as its JSON."""
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise _malformed(path, f"has the key {key!r}, which is no string")
            if type(item) not in _SCALARS:
                _plain(item, f"{path}.{key}")
    elif type(value) is list:
        for item in value:
            if type(item) not in _SCALARS:
                _plain(item, path)
    elif type(value) not in _SCALARS and not is_dataclass(value):
        raise _malformed(path, f"is of type {type(value).__name__}")
    return value


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text} is no integer")


def _malformed(place: str, problem: str) -> InvalidInput:
    path = f"journal block {place}".rstrip()
    return InvalidInput("message_malformed", f"{path} {problem}", field=place or None)
