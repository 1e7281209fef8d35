from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from matching.commands import Command, EnterGroup, Tick
from matching.journal import JournalBlock, JournalEntry, decode_block, encode_block
from tests.matching.factories import NOW, amend, ask, bid, cancel

COMMANDS: tuple[Command, ...] = (
    ask("a"),
    bid("b", tif="ioc"),
    cancel("a"),
    Tick(1001),
    amend("a", price=7),
    EnterGroup(NOW, (bid("c"), bid("d"))),
)
BLOCK = JournalBlock(
    "z",
    7,
    tuple(
        JournalEntry(sequence, 60_000_000_000 + sequence, command, {"cash": {"p1": 5}, "note": "ü"})
        for sequence, command in zip((7, 8, 10, 11, 12, 13), COMMANDS, strict=True)
    ),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_a_block_comes_back_as_it_went() -> None:
    assert decode_block(encode_block(BLOCK)) == BLOCK


def test_the_same_content_gives_the_same_bytes() -> None:
    entry = JournalEntry(1, 2, Tick(3), {"a": 1, "b": {"c": 2, "d": 3}})
    turned = JournalEntry(1, 2, Tick(3), {"b": {"d": 3, "c": 2}, "a": 1})
    assert encode_block(JournalBlock("z", 1, (entry,))) == encode_block(JournalBlock("z", 1, (turned,)))


def test_the_form_of_version_1_stays_readable() -> None:
    written = (
        b'{"entries":[{"at_micros":60000000000,"command":{"minute":1000,"order":"b","reason":"requested"},'
        b'"facts":{"x":1},"kind":"cancel","sequence":4}],"first_sequence":3,"shard":"z","version":1}'
    )
    block = JournalBlock("z", 3, (JournalEntry(4, 60_000_000_000, cancel("b"), {"x": 1}),))
    assert decode_block(written) == block
    assert encode_block(block) == written


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=4))
def test_facts_come_back_whatever_they_are(facts: dict[str, Any]) -> None:
    block = JournalBlock("z", 1, (JournalEntry(1, 0, Tick(0), facts),))
    assert decode_block(encode_block(block)) == block


@pytest.mark.parametrize("facts", [{"x": 1.5}, {"x": {"y": [1.0]}}, {1: 2}, {"x": (1, 2)}, {"x": b""}])
def test_facts_that_could_not_be_read_back_are_not_written(facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="facts"):
        encode_block(JournalBlock("z", 1, (JournalEntry(1, 0, Tick(0), facts),)))


@pytest.mark.parametrize("sequences", [(3, 4), (5, 5), (6, 5)])
def test_sequences_rise_from_the_first(sequences: tuple[int, int]) -> None:
    entries = tuple(JournalEntry(sequence, 0, Tick(0), {}) for sequence in sequences)
    with pytest.raises(InvalidInput, match="sequence"):
        encode_block(JournalBlock("z", 4 if sequences[0] == 3 else 5, entries))


def changed(path: tuple[str | int, ...], value: object) -> bytes:
    """The bytes of the block with one place set to another value, or taken out when the value is Ellipsis."""
    block = json.loads(encode_block(BLOCK))
    place = block
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(block).encode()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("version",), 2, "version is 2; this program reads 1"),
        (("version",), ..., "version is None"),
        (("shard",), 5, "shard must be of type str"),
        (("first_sequence",), True, "first_sequence must be of type int"),
        (("first_sequence",), 8, r"entries\[0\].sequence is 7, must be at least 8"),
        (("entries",), {}, "entries must be of type list"),
        (("entries", 1), [], r"entries\[1\] must be an object"),
        (("entries", 1, "kind"), "modify", r"entries\[1\].kind must be one of bid, ask, amend, cancel, tick"),
        (("entries", 1, "kind"), "ask", r"entries\[1\].command is refused: EnterAsk"),
        (("entries", 1, "facts"), ..., r"entries\[1\].facts is missing"),
        (("entries", 1, "facts", "cash"), 1.5, "is no JSON: 1.5 is no integer"),
        (("entries", 1, "command", "guests"), 0, "guests must be at least 1"),
        (("entries", 1, "command", "guests"), "1", "EnterBid.guests must be of type int"),
        (("entries", 1, "command", "extra"), 1, "EnterBid.extra is not a known field"),
        (("entries", 2, "sequence"), 8, r"entries\[2\].sequence is 8, must be at least 9"),
    ],
)
def test_a_damaged_block_is_refused_with_the_place(path: tuple[str | int, ...], value: object, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        decode_block(changed(path, value))
    assert caught.value.code == "message_malformed"


@pytest.mark.parametrize("data", [b"", b"[]", b'{"version":1', b'{"version":NaN}', b"\xff"])
def test_bytes_that_are_no_block_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_block(data)
