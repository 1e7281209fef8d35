from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common import codec
from common.wire import Allocation, Capacity, Heartbeat, UsageReport
from matching.commands import Tick
from matching.journal import JournalBlock, JournalEntry, decode_block, encode_block
from runtime import quick_json

text = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
message = st.one_of(*(st.from_type(kind) for kind in (Allocation, Heartbeat, UsageReport)))


@given(json_values)
def test_values_give_the_bytes_of_the_codec(value: Any) -> None:
    assert quick_json.encode(value) == codec.compact(value).encode()
    assert quick_json.text(value) == codec.compact(value)
    in_order = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    assert quick_json.encode_sorted(value) == in_order.encode()


@given(message.filter(lambda sent: _fits(codec.to_json(sent))))
def test_messages_give_the_bytes_of_the_codec(sent: Any) -> None:
    sent_in_json = codec.to_json(sent)
    assert quick_json.encode(sent) == codec.encode(sent)
    assert codec.compact(quick_json.plain(sent)) == codec.compact(sent_in_json)
    assert quick_json.encode_sorted(sent) == quick_json.encode_sorted(sent_in_json)


def test_a_block_of_the_journal_has_the_bytes_of_the_standard_library() -> None:
    facts: dict[str, Any] = {"ü": {"b": [1, None], "a": True}, "node": Capacity(4, 8192, 80)}
    block = JournalBlock("z", 1, (JournalEntry(1, 60_000_000_000, Tick(1000), facts),))
    assert encode_block(block, quick_json.encode_sorted) == encode_block(block)
    assert decode_block(encode_block(block)).entries[0].facts == facts | {"node": codec.to_json(facts["node"])}


def _fits(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63
