"""Entries and blocks of the journal that are gone, doubled or exchanged; and how a changed journal is written back.

The blocks are changed as JSON and written as the engine writes them, so that what is found is the content.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from market.tables import journal
from tests.market.factories import ZONE
from tests.nestex.audit.true_history import Tags

Json = dict[str, Any]
Change = Callable[[list[Json], Tags], None]


@dataclass(frozen=True, slots=True)
class JournalMutation:
    """`apply` changes the blocks of the shard, in order, in place."""

    name: str
    apply: Change


def structural_mutations() -> Iterator[JournalMutation]:
    """Entries and blocks that are gone, doubled or exchanged."""
    for name, change in {
        "an entry is dropped": lambda entries: entries.pop(0),
        "the last entry is dropped": lambda entries: entries.pop(),
        "an entry is doubled": lambda entries: entries.insert(0, copy.deepcopy(entries[0])),
        "two entries are exchanged": lambda entries: entries.reverse(),
        "all entries are dropped": lambda entries: entries.clear(),
    }.items():
        yield JournalMutation(name, _in_first_batch(change))
        yield JournalMutation(f"{name}, and the numbers mended", _in_first_batch(change, mend=True))
    for name in ("order", "participant", "price_micros", "guests", "duration_minutes", "start_by"):
        yield JournalMutation(f"two bids exchange their {name}", _exchange("bid", name))
    for name in ("order", "price_micros", "slices", "available_until"):
        yield JournalMutation(f"two asks exchange their {name}", _exchange("ask", name))
    for place in (0, 3, -1):
        yield JournalMutation(f"block {place} is dropped", _drop_block(place))
    yield JournalMutation("two blocks exchange their entries", _exchange_blocks)
    for field, value in (("version", 2), ("shard", "ber1"), ("first_sequence", 2), ("entries", None)):
        yield JournalMutation(f"a block's {field}", _set_on_block(field, value))


def _in_first_batch(change: Callable[[list[Json]], Any], *, mend: bool = False) -> Change:
    def apply(blocks: list[Json], _tags: Tags) -> None:
        entries = blocks[0]["entries"]
        assert len(entries) > 1
        change(entries)
        if mend:
            for sequence, entry in enumerate(entries, blocks[0]["first_sequence"]):
                entry["sequence"] = sequence

    return apply


def _exchange(kind: str, field: str) -> Change:
    def apply(blocks: list[Json], _tags: Tags) -> None:
        places = [entry["command"] for block in blocks for entry in block["entries"] if entry["kind"] == kind]
        one = places[0]
        other = next(place for place in places if place[field] != one[field])
        one[field], other[field] = other[field], one[field]

    return apply


def _drop_block(place: int) -> Change:
    def apply(blocks: list[Json], _tags: Tags) -> None:
        del blocks[place]

    return apply


def _exchange_blocks(blocks: list[Json], _tags: Tags) -> None:
    blocks[0]["entries"], blocks[1]["entries"] = blocks[1]["entries"], blocks[0]["entries"]


def _set_on_block(field: str, value: Any) -> Change:
    def apply(blocks: list[Json], _tags: Tags) -> None:
        blocks[1][field] = value

    return apply


def rewrite(connection: Connection, mutation: JournalMutation, tags: Tags) -> None:
    """The shard's journal with this change."""
    query = select(journal.c.sequence, journal.c.block).where(journal.c.shard == ZONE).order_by(journal.c.sequence)
    before = [(row.sequence, bytes(row.block)) for row in connection.execute(query)]
    blocks = [json.loads(block) for _, block in before]
    of_block = {id(block): sequence for block, (sequence, _) in zip(blocks, before, strict=True)}
    mutation.apply(blocks, tags)
    kept = {of_block[id(block)]: block for block in blocks}
    for sequence, old in before:
        place = (journal.c.shard == ZONE) & (journal.c.sequence == sequence)
        if sequence not in kept:
            connection.execute(journal.delete().where(place))
            continue
        new = json.dumps(kept[sequence], separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        if new != old:
            entries = kept[sequence]["entries"] or []
            columns = {"block": new, "commands": len(entries)}
            connection.execute(update(journal).where(place).values(columns))
