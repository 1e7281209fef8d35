"""Single changes of a journal entry: of every field of its command, of its placement and of its facts."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from market.engine.commands import PlaceAsk, PlaceBid
from market.engine.facts import PlacementFacts
from matching.commands import Amend, Cancel, EnterAsk, EnterBid, EnterLinkedAsk, Free, Tick
from tests.nestex.audit.journal_blocks import JournalMutation, Json
from tests.nestex.audit.true_history import Tags

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of entry: the order that it names, the kind of its command, and what it is made of."""

    name: str
    tag: str | None
    kind: str
    command: type
    placement: type | None = None
    facts: bool = False


ENTRIES = (
    Entry("bid", "bid", "bid", EnterBid, PlaceBid, facts=True),
    Entry("ask", "ask", "ask", EnterAsk, PlaceAsk, facts=True),
    Entry("repriced bid", "repriced bid", "amend", Amend),
    Entry("repriced ask", "repriced ask", "amend", Amend, facts=True),
    Entry("fewer guests", "fewer guests", "amend", Amend),
    Entry("fewer slices", "fewer slices", "amend", Amend),
    Entry("cancel", "cancel", "cancel", Cancel),
    Entry("tick", None, "tick", Tick),
    Entry("released", "released", "free", Free),
)
MEMBER = Entry("bid of a group", "group", "group", EnterBid, PlaceBid, facts=True)
SHARED = Entry("linked ask", "linked ask", "linked_ask", EnterLinkedAsk, PlaceAsk, facts=True)
LONE_BID = Entry("lone bid", "cancel", "bid", EnterBid, PlaceBid, facts=True)
LONE_ASK = Entry("lone ask", "lone ask", "ask", EnterAsk, PlaceAsk, facts=True)
"""Entries that share no fact with another of their batch, and that have not traded."""

BEYOND: dict[str, Any] = {
    "instrument.code": "fra1.mem.firm",
    "instrument.zone": "ber1",
    "instrument.mode": "halted",
    "instrument.tick_micros": 7,
    "instrument.price_min_micros": 1_000,
    "instrument.price_max_micros": 10,
    "instrument.min_minutes": 1_000,
    "instrument.max_minutes": 0,
    "instrument.horizon_minutes": 5,
    "party.available_micros": 0,
    "party.is_provider": False,
    "party.reliability_ppm": 1,
    "node.id": "nod_x",
    "node.participant": "prt_x",
    "node.zone": "ber1",
    "node.state": "lost",
    "node.offered.vcpus": 0,
    "node.offered.memory_mib": 0,
    "node.offered.disk_gib": 0,
    "node.reserved_until": 0,
    "instrument.slice.vcpus": 2,
    "instrument.bond_ppm": 0,
}
"""Facts on which the order could not have come in, or could not bind what it binds."""

OF_SELLERS = {"party.is_provider", "party.reliability_ppm", "instrument.slice.vcpus", "instrument.bond_ppm"}

OF_NO_WEIGHT = ("party.available_micros", "party.fee_ppm", "instrument.horizon_minutes", "instrument.release_ppm")
"""Facts that decided nothing, as long as the order has not traded: a little more of them leaves no trace."""


_REPLACED = Entry("replaced", "replaced", "free", Free)
_REPLACING = Entry("replacing", "replacing", "bid", EnterBid)
_GTD_BID = Entry("gtd bid", "gtd bid", "bid", EnterBid)
_GTD_ASK = Entry("gtd ask", "gtd ask", "ask", EnterAsk)
_SELDOM: tuple[tuple[Entry, Path, Any], ...] = tuple(
    (entry, (*way, name), value)
    for entry in (_GTD_BID, _GTD_ASK)
    for way in (("command",), ("facts", "placement"))
    for name, value in (("time_in_force", "gtc"), ("expires_at", 29_000_100), ("expires_at", None))
)
"""What orders have that are good till a minute."""


def field_mutations() -> Iterator[JournalMutation]:
    """Every field of every kind of entry."""
    for entry in ENTRIES:
        for field in ("sequence", "at_micros"):
            for change in ("more", "less"):
                yield _mutation(entry, (field,), change)
        yield _mutation(entry, ("kind",), "altered")
        yield from _of_shape(entry, ("command",), entry.command)
        if entry.placement is not None:
            yield from _of_shape(entry, ("facts", "placement"), entry.placement)
        if entry.facts:
            yield from _of_facts(entry, ("facts", "facts"))
    yield from _of_shape(MEMBER, ("command", "bids", "1"), EnterBid)
    yield from _of_shape(MEMBER, ("facts", "placements", "1"), PlaceBid)
    yield from _of_facts(MEMBER, ("facts", "facts", "1"))
    yield from _of_shape(SHARED, ("command",), EnterLinkedAsk)
    yield from _of_shape(SHARED, ("facts", "placement"), PlaceAsk)
    yield from _of_facts(SHARED, ("facts", "facts"))
    for change in ("exchanged", "shortened"):
        yield _mutation(MEMBER, ("command", "bids"), change)
        yield _mutation(MEMBER, ("facts", "placements"), change)
    yield _mutation(MEMBER, ("facts", "facts"), "shortened")
    for ending in ("busted", "completed"):
        yield _mutation(ENTRIES[-1], ("facts", "ending"), "another", ending)
    for name in ("replaced_by", "not_replaced"):
        yield _mutation(_REPLACED, ("facts", "ending", name), "another", "x")
    yield _mutation(_REPLACED, ("facts", "ending", "replaced_by"), "dropped")
    for name in ("replaces", "replace_on_failure", "avoid_providers", "price_micros", "slices_per_guest"):
        kind = get_type_hints(PlaceBid)[name]
        yield _mutation(_REPLACING, ("facts", "placement", name), _changes(_known(kind))[0])
    for entry, path, value in _SELDOM:
        yield _mutation(entry, path, "another", value)


def fact_mutations() -> Iterator[JournalMutation]:
    """Facts of lone entries that forbid what happened."""
    for path, value in BEYOND.items():
        yield _mutation(LONE_ASK, ("facts", "facts", *path.split(".")), "forbidding", value)
        if not path.startswith("node.") and path not in OF_SELLERS:
            yield _mutation(LONE_BID, ("facts", "facts", *path.split(".")), "forbidding", value)


def weightless_mutations() -> Iterator[JournalMutation]:
    """Facts of lone entries that decided nothing."""
    for entry in (LONE_BID, LONE_ASK):
        for path in OF_NO_WEIGHT:
            yield _mutation(entry, ("facts", "facts", *path.split(".")), "more")


def _of_facts(entry: Entry, start: Path) -> Iterator[JournalMutation]:
    """The facts that it has: these asks are backed by a node, and bids by nothing but money."""
    absent = (".contract.",) if entry.placement is PlaceAsk or entry.command is Amend else (".contract.", ".node.")
    for mutation in _of_shape(entry, start, PlacementFacts):
        if not any(part in mutation.name for part in absent):
            yield mutation


def _of_shape(entry: Entry, start: Path, shape: type) -> Iterator[JournalMutation]:
    for path, hint, needed in _leaves(shape, start):
        for change in _changes(hint):
            yield _mutation(entry, path, change)
        if needed and entry.name == "ask":
            yield _mutation(entry, path, "dropped")


def _leaves(shape: Any, path: Path) -> Iterator[tuple[Path, Any, bool]]:
    """Path and type of each field, and whether it must be there: one that has a default means that by its absence."""
    hints = get_type_hints(shape)
    for field in dataclasses.fields(shape):
        hint = _known(hints[field.name])
        if dataclasses.is_dataclass(hint):
            yield from _leaves(hint, (*path, field.name))
        else:
            yield (*path, field.name), hint, field.default is dataclasses.MISSING


def _known(hint: Any) -> Any:
    """Without `None`."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(option for option in get_args(hint) if option is not type(None))
    return hint


def _changes(hint: Any) -> tuple[str, ...]:
    if hint is int:
        return ("more", "less")
    if hint is bool:
        return ("negated",)
    return ("altered",)


def _mutation(entry: Entry, path: Path, change: str, given: Any = None) -> JournalMutation:
    def apply(blocks: list[Json], tags: Tags) -> None:
        *way, name = path
        place = _find(blocks, entry, tags)
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if change == "dropped":
            del place[name]
        else:
            place[name] = given if change in ("another", "forbidding") else _changed(place[name], change)

    told = f" {given}" if change == "another" else ""
    return JournalMutation(f"{entry.name}: {'.'.join(path)}: {change}{told}", apply)


def _find(blocks: list[Json], wanted: Entry, tags: Tags) -> Json:
    for block in blocks:
        for entry in block["entries"]:
            command = entry["command"]
            named = command.get("order", command.get("contract")) or (
                command.get("ask") or command.get("bids", [{}])[0]
            ).get("order")
            if entry["kind"] == wanted.kind and named == tags.get(wanted.tag or ""):
                found: Json = entry
                return found
    raise AssertionError(f"the history has no {wanted.name}")


def _changed(value: Any, change: str) -> Any:
    if change in ("exchanged", "shortened"):
        return [value[1], value[0], *value[2:]] if change == "exchanged" else value[:-1]
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value, "nod_x"]
    if value is None:
        return 7
    if isinstance(value, int):
        return value + (1 if change == "more" else -1)
    return _OTHERS.get(value, value + "x")


_OTHERS = {"gtc": "ioc", "gtd": "gtc", "ioc": "gtc", "fok": "gtc", "open": "post_only", "tick": "cancel"} | {
    "cancel_taker": "cancel_both",
    "cancel_maker": "cancel_taker",
    "requested": "node_lost",
    "bid": "ask",
    "ask": "bid",
    "amend": "cancel",
    "cancel": "tick",
    "free": "tick",
    "place_bid": "place_ask",
    "group": "bid",
    "linked_ask": "ask",
}
"""Another value of the same closed list, so that the change is not one that cannot be read."""
