from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import codec
from common.errors import InvalidInput
from common.wire import Allocation, Capacity, GuestMinute, GuestSpec, GuestStatus, Heartbeat, UsageReport

MESSAGES = (Allocation, GuestStatus, Heartbeat, UsageReport)
message = st.one_of(*(st.from_type(kind) for kind in MESSAGES))
some_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(message)
def test_a_message_reads_back_as_itself(sent: Any) -> None:
    assert codec.decode(type(sent), codec.encode(sent)) == sent


@given(some_json)
def test_what_is_no_message_is_refused_by_name_and_never_crashes(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        codec.decode(Allocation, json.dumps(value).encode())
    assert refused.value.code == "message_malformed"
    assert refused.value.field is not None


ALLOCATION = codec.to_json(Allocation("con_1", 1, "run", 10, 20, GuestSpec("web", 1, 2048, 10, "default")))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"revision": "1"}, "Allocation.revision"),
        ({"revision": True}, "Allocation.revision"),
        ({"revision": 1.0}, "Allocation.revision"),
        ({"want": "fly"}, "Allocation.want"),
        ({"guest": {**ALLOCATION["guest"], "vcpus": None}}, "Allocation.guest.vcpus"),
        ({"guest": {**ALLOCATION["guest"], "ssh_keys": ["ok", 1]}}, "Allocation.guest.ssh_keys[1]"),
        ({"extra": 1}, "Allocation.extra"),
    ],
)
def test_the_field_that_is_wrong_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        codec.from_json(Allocation, ALLOCATION | change)
    assert refused.value.field == field


def test_a_lenient_reader_passes_over_what_a_newer_sender_added() -> None:
    assert codec.from_json(Allocation, ALLOCATION | {"extra": 1}, lenient=True).contract == "con_1"


def test_bytes_that_are_no_json_are_refused() -> None:
    for data in (b"", b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidInput):
            codec.decode(Capacity, data)


def test_the_same_message_gives_the_same_bytes() -> None:
    report = UsageReport("nod_1", 7, 100, (GuestMinute("con_1", 60, 1),))
    assert codec.encode(report) == codec.encode(codec.decode(UsageReport, codec.encode(report)))
